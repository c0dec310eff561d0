// The sign of a database of checkpoints: a branching tree.
import { LabIcon } from "@jupyterlab/ui-components";

export const icon = new LabIcon({
  name: "lgviz:checkpoints",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16" fill="none">
<g class="jp-icon3 jp-icon-selectable" fill="#616161">
<path d="M4.3 4h1.4v8H4.3zM4.3 9.8c0-3.4 6-1.9 6-4.4h1.4c0 3.9-6 2.1-6 4.4z"/>
<circle cx="5" cy="3" r="1.9"/><circle cx="5" cy="13" r="1.9"/><circle cx="11" cy="4" r="1.9"/>
</g>
</svg>`,
});
