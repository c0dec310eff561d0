// Whether what is shown is a copy that can be read only: then nothing that acts is drawn.
import { signal } from "@preact/signals";

export const still = signal(false);
