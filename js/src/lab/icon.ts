// The sign of a database of checkpoints: a branching tree.
import { LabIcon } from "@jupyterlab/ui-components";

export const icon = new LabIcon({
  name: "lgviz:checkpoints",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16" fill="none">
<g class="jp-icon3 jp-icon-selectable" stroke="#616161" stroke-width="1.4">
<path d="M5 4.4v7.2M5 9.5c0-2.6 6-1.4 6-4.1"/>
</g>
<g class="jp-icon3 jp-icon-selectable" fill="#616161"><circle cx="5" cy="3" r="1.9"/><circle cx="5" cy="13" r="1.9"/><circle cx="11" cy="4" r="1.9"/></g>
</svg>`,
});
