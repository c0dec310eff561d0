// A picture, a sound, a film or a file in a value: said what it is, and drawn from its own bytes alone.

import { useContext, useEffect, useState } from "preact/hooks";
import { bytes, thousands } from "../../lib/format";
import type { Load } from "../../lib/paging";
import { t } from "../../lib/words";
import type { MediaView } from "../../protocol";
import { ProtocolError } from "../../source/error";
import { Problem } from "../ui/problem";
import { Rendered } from "../ui/rendered";

/** Drawn without being asked for: what a browser draws in a moment. */
const QUICK_BYTES = 1_000_000;
const QUICK_PIXELS = 25_000_000;
/** Never drawn: a small file may unpack to more than a browser holds. */
const MOST_PIXELS = 100_000_000;

interface Props {
  media: MediaView;
  path: readonly number[] | null;
  load: Load | undefined;
  /** What it is stands beside it already. */
  said?: boolean;
}

export function Media({ media, path, load, said = false }: Props) {
  const rendered = useContext(Rendered);
  const [asked, setAsked] = useState<MediaView | null>(null);
  const [got, setGot] = useState<{ of: MediaView; url?: string; error?: ProtocolError } | null>(null);
  const read = load?.media;
  const can = read !== undefined && path !== null && drawable(media);
  const wanted = can && (asked === media || (rendered && isQuick(media)));
  const now = got?.of === media ? got : null;
  useEffect(() => {
    if (!wanted || !read || !path || now !== null) return;
    const abort = new AbortController();
    read(path, abort.signal)
      .then(({ mime, data }) => dataUri(data, mime))
      .then(
        (url) => abort.signal.aborted || setGot({ of: media, url }),
        (error: unknown) => abort.signal.aborted || setGot({ of: media, error: ProtocolError.of(error) }),
      );
    return () => abort.abort();
  }, [wanted, media, now]);
  return (
    <figure class="lgviz-media" data-testid="lgviz-media" data-kind={media.kind}>
      {wanted && now?.url !== undefined && <Drawn media={media} url={now.url} />}
      <figcaption>
        {!said && <span>{facts(media)}</span>}
        {media.where !== null && (
          <>
            <code>{media.where}</code>
            <span class="lgviz-faint">{t("not fetched")}</span>
          </>
        )}
        {can && !wanted && (
          <button type="button" class="lgviz-link" onClick={() => setAsked(media)}>
            {media.kind === "image" ? t("show the picture") : t("play it")}
          </button>
        )}
      </figcaption>
      {now?.error && <Problem error={now.error} retry={() => setGot(null)} />}
    </figure>
  );
}

function Drawn({ media, url }: { media: MediaView; url: string }) {
  const name = media.name ?? media.kind;
  if (media.kind === "image") {
    const [width, height] = media.pixels ?? [];
    return <img src={url} alt={name} {...(width && height ? { width, height } : {})} />;
  }
  // biome-ignore lint/a11y/useMediaCaption: a state holds none.
  if (media.kind === "audio") return <audio controls src={url} aria-label={name} />;
  // biome-ignore lint/a11y/useMediaCaption: a state holds none.
  return <video controls src={url} aria-label={name} />;
}

/** What it is in a line: `image/png · 800 × 600 · 34 KB`. */
export function facts({ kind, mime, name, size, pixels }: MediaView): string {
  const parts = [name, mime === "" ? kindName(kind) : mime];
  if (pixels) parts.push(pixels.map(thousands).join(" × "));
  if (size !== null) parts.push(bytes(size));
  return parts.filter(Boolean).join(" · ");
}

function kindName(kind: MediaView["kind"]): string {
  return { image: t("image"), audio: t("audio"), video: t("video"), file: t("file") }[kind];
}

function drawable({ kind, pixels, size }: MediaView): boolean {
  return kind !== "file" && size !== null && area(pixels) <= MOST_PIXELS;
}

/** A drawing (SVG) may take any time: it is drawn when one asks for it. */
function isQuick({ kind, pixels, size }: MediaView): boolean {
  return kind === "image" && pixels !== null && area(pixels) <= QUICK_PIXELS && (size ?? 0) <= QUICK_BYTES;
}

function area(pixels: number[] | null): number {
  return pixels ? (pixels[0] ?? 0) * (pixels[1] ?? 0) : 0;
}

function dataUri(data: DataView, mime: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(new Blob([data as DataView<ArrayBuffer>], { type: mime }));
  });
}
