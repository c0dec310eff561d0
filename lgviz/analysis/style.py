"""The look of script-free HTML: colors follow the notebook's theme where it names one, else the reader's."""

from __future__ import annotations

import hashlib

__all__ = ["PAGE", "ROOT", "STYLE"]

_LIGHT = (
    "--bg:var(--jp-layout-color0,#fff);--panel:#fbfbfc;--line:#e6e8ec;--text:#1c2024;--mute:#5f6875;"
    "--faint:#8a919c;"
    "--accent:#2f6fdb;--soft:#e8f0fe;--add:#0f7b4f;--add-bg:#e7f6ee;--del:#b42318;--del-bg:#fdecea;"
    "--warn:#a45508;"
    "--warn-bg:#fff4e5;--l0:#2f6fdb;--l1:#c2410c;--l2:#0f8a6d;--l3:#8b5cf6;--chip:#f1f3f6"
)
_DARK = (
    "--bg:var(--jp-layout-color0,#14161a);--panel:#191c21;--line:#2a2f37;--text:#e7e9ee;--mute:#9aa3b0;"
    "--faint:#78828f;"
    "--accent:#6ea8ff;--soft:#1d2a40;--add:#5fd39b;--add-bg:#12301f;--del:#ff8a80;--del-bg:#3a1a18;"
    "--warn:#ffb454;"
    "--warn-bg:#35270f;--l0:#6ea8ff;--l1:#ff9a62;--l2:#4fd1b0;--l3:#b79bff;--chip:#232831"
)

_STYLE = (
    f".lgviz-static{{{_LIGHT};--mono:ui-monospace,'JetBrains Mono','DejaVu Sans Mono',Menlo,monospace;"
    "--ui:Inter,system-ui,'Segoe UI','DejaVu Sans',sans-serif}"
    f"@media (prefers-color-scheme:dark){{.lgviz-static{{{_DARK}}}}}"
    f"[data-jp-theme-light=true] .lgviz-static,.vscode-light .lgviz-static{{{_LIGHT}}}"
    f"[data-jp-theme-light=false] .lgviz-static,.vscode-dark .lgviz-static{{{_DARK}}}"
    """
.lgviz-static,.lgviz-static *{box-sizing:border-box}
.lgviz-static{font:13px/1.45 var(--ui);color:var(--text);background:var(--bg);text-align:left}
.lgviz-static *{unicode-bidi:isolate}
.lgviz-static :is(.lg-said,.lg-string,.lg-add,.lg-del,.lg-ask){unicode-bidi:plaintext}
.lgviz-static :is(ins,del){unicode-bidi:normal}
.lgviz-static .lg-hidden{font:.85em var(--mono);color:var(--mute);background:var(--chip);border-radius:3px;
 padding:0 2px}
.lgviz-static details>summary{cursor:pointer;list-style-position:inside}
.lgviz-static .lg-mute{color:var(--mute)}.lgviz-static .lg-faint{color:var(--faint);font-size:12px}
.lgviz-static .lg-card{border:1px solid var(--line);border-radius:8px;margin:0 0 8px;overflow:hidden}
.lgviz-static .lg-cap{display:flex;gap:8px;align-items:baseline;padding:5px 10px;background:var(--panel);
 font-size:12px;color:var(--mute)}
.lgviz-static .lg-cap b{font:600 12px var(--mono);color:var(--text);overflow-wrap:anywhere}
.lgviz-static .lg-who{margin-left:auto;white-space:nowrap}
.lgviz-static .lg-cap .lg-who{white-space:normal;text-align:right}
.lgviz-static .lg-add,.lgviz-static .lg-del{font:12px/1.6 var(--mono);padding:2px 10px 2px 24px;
 text-indent:-14px;display:block;
 white-space:pre-wrap;overflow-wrap:anywhere}
.lgviz-static .lg-add{background:var(--add-bg)}.lgviz-static .lg-del{background:var(--del-bg)}
.lgviz-static .lg-add i,.lgviz-static .lg-del i{font-style:normal;user-select:none}
.lgviz-static .lg-add i{color:var(--add)}.lgviz-static .lg-del i{color:var(--del)}
.lgviz-static .lg-add ins{color:var(--add);font-weight:700;text-underline-offset:2px}
.lgviz-static .lg-del del{color:var(--del);font-weight:600;text-decoration:none}
.lgviz-static .lg-where{color:var(--mute)}
.lgviz-static .lg-msg{display:flex;gap:8px;padding:6px 10px;border-top:1px solid var(--line)}
.lgviz-static .lg-msg:first-child{border-top:0}
.lgviz-static .lg-msg.lg-gone{background:var(--del-bg)}
.lgviz-static .lg-role{font:600 11px/1.6 var(--mono);flex:0 0 52px;color:var(--l2);overflow:hidden}
.lgviz-static .lg-human{color:var(--l0)}.lgviz-static .lg-tool{color:var(--l1)}
.lgviz-static .lg-system{color:var(--l3)}
.lgviz-static .lg-said{white-space:pre-wrap;overflow-wrap:anywhere;min-width:0}
.lgviz-static .lg-call{font:12px/1.5 var(--mono);background:var(--chip);border-radius:6px;padding:2px 8px;
 display:inline-block;margin-top:3px;overflow-wrap:anywhere}
.lgviz-static .lg-tree{font:12px/1.6 var(--mono);padding:3px 10px 5px;overflow-wrap:anywhere}
.lgviz-static .lg-pair{display:flex;gap:12px;justify-content:space-between}
.lgviz-static .lg-in{margin-left:6px;padding-left:12px;border-left:1px solid var(--line)}
.lgviz-static .lg-k{color:var(--mute)}.lgviz-static .lg-string{color:var(--add);white-space:pre-wrap}
.lgviz-static .lg-number,.lgviz-static .lg-bool,.lgviz-static .lg-time{color:var(--accent)}
.lgviz-static .lg-null,.lgviz-static .lg-other{color:var(--faint)}
.lgviz-static .lg-undecodable{color:var(--warn)}
.lgviz-static .lg-type{color:var(--faint);font-size:11px}
.lgviz-static .lg-table{overflow:auto}.lgviz-static .lg-table table{border-collapse:collapse;
 font:12px var(--mono);
 color:var(--text);margin:4px 0}
.lgviz-static .lg-table td,.lgviz-static .lg-table th{border:1px solid var(--line);padding:1px 7px;
 text-align:right;
 background:var(--bg);font-weight:400}
.lgviz-static .lg-table th{background:var(--panel);color:var(--mute)}
.lgviz-static .lg-table td.lg-word{text-align:left;font-family:var(--ui)}
"""
)

_PAGE = """
.lgviz-static.lg-page{border:1px solid var(--line);border-radius:10px;overflow:hidden;max-width:1280px}
.lgviz-static .lg-top{display:flex;flex-wrap:wrap;gap:4px 10px;align-items:baseline;padding:8px 14px;
 border-bottom:1px solid var(--line);background:var(--panel)}
.lgviz-static .lg-top .lg-who{font-size:12px;color:var(--faint)}
.lgviz-static .lg-badge,.lgviz-static .lg-mark{font-size:11px;padding:0 7px;border-radius:99px;
 background:var(--chip);
 color:var(--mute);white-space:nowrap;font-style:normal}
.lgviz-static .lg-interrupt,.lgviz-static .lg-interrupted,.lgviz-static .lg-paused{background:var(--warn-bg);
 color:var(--warn)}
.lgviz-static .lg-error,.lgviz-static .lg-failed{background:var(--del-bg);color:var(--del)}
.lgviz-static .lg-head{background:transparent;box-shadow:inset 0 0 0 1px var(--line)}
.lgviz-static .lg-input{background:transparent;color:var(--faint)}
.lgviz-static .lg-body{display:flex;flex-wrap:wrap;align-items:stretch}
.lgviz-static .lg-rows{flex:5 1 380px;min-width:0;max-height:640px;overflow:auto;padding:4px 0}
.lgviz-static .lg-pane{flex:6 1 420px;min-width:0;max-height:640px;overflow:auto;padding:10px 14px;
 box-shadow:-1px 0 var(--line),0 -1px var(--line)}
.lgviz-static .lg-row{display:flex;gap:8px;align-items:center;height:28px;padding-right:12px;
 white-space:nowrap}
.lgviz-static .lg-row svg{flex:none;display:block;overflow:visible}
.lgviz-static .lg-lab{font:12px var(--mono);color:var(--mute);flex:none;min-width:38px}
.lgviz-static .lg-what{flex:1;display:flex;gap:5px;align-items:baseline;min-width:0;overflow:hidden}
.lgviz-static .lg-what>*{flex:none}
.lgviz-static .lg-what b{max-width:66%;overflow:hidden;text-overflow:ellipsis;font-weight:600}
.lgviz-static .lg-chip{font:11px var(--mono);background:var(--chip);border-radius:5px;padding:1px 5px;
 color:var(--mute)}
.lgviz-static .lg-t{font:11px var(--mono);color:var(--faint);flex:none}
.lgviz-static .lg-what>.lg-note{flex:0 1000 auto;min-width:32px;max-width:200px;overflow:hidden;
 text-overflow:ellipsis}
.lgviz-static .lg-sel{background:var(--soft);box-shadow:inset 2px 0 var(--accent);
 --chip:var(--bg);--faint:var(--mute);--line:color-mix(in srgb,var(--accent) 45%,transparent)}
.lgviz-static .lg-sel .lg-lab{color:var(--accent);font-weight:600}
.lgviz-static .lg-cmp{box-shadow:inset 2px 0 var(--l3)}
.lgviz-static .lg-later>span{opacity:.55}
.lgviz-static .lg-title{font-size:15px;font-weight:600}
.lgviz-static .lg-title .lg-lab{font-size:13px;color:var(--accent);margin-right:6px}
.lgviz-static .lg-title .lg-mute{font-weight:400}
.lgviz-static .lg-sub{color:var(--mute);font-size:12px;margin:2px 0 10px}
.lgviz-static .lg-noted{margin:0 0 10px;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext}
.lgviz-static .lg-sub b{color:var(--text);font-weight:600}
.lgviz-static .lg-sec{margin:0 0 10px}
.lgviz-static .lg-sec>summary{font-size:12.5px;font-weight:600;margin:0 0 6px}
.lgviz-static .lg-sec>summary i{font-style:normal;font-weight:400;color:var(--faint);margin-left:4px}
.lgviz-static .lg-ask{border:1px solid var(--line);border-left:3px solid var(--warn);border-radius:6px;
 padding:5px 10px;margin:0 0 8px;overflow-wrap:anywhere}
.lgviz-static .lg-ask.lg-bad{border-left-color:var(--del)}
.lgviz-static .lg-ask.lg-good{border-left-color:var(--add)}
"""

# A notebook keeps outputs of several versions, and a style holds for the whole page: each has its own class.
ROOT = f"lgviz-static-{hashlib.sha256((_STYLE + _PAGE).encode()).hexdigest()[:8]}"
"""The class of what :data:`STYLE` holds for: another one for each style."""
STYLE, PAGE = (style.replace(".lgviz-static", f".{ROOT}") for style in (_STYLE, _PAGE))
