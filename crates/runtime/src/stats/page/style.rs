//! The look of the page: light and dark, no script, readable on a wall and on a telephone.

/// The style sheet. Row classes are named and coloured as people know them from HAProxy.
pub const STYLE: &str = "\
:root{--ink:#1b1f24;--paper:#fff;--soft:#f3f4f1;--line:#c9ccc4;--head:#1f5f66;--title:#8c1036;--note:#5a6068}
body{margin:1rem;background:var(--paper);color:var(--ink);font:13px/1.35 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0}
h2{font-size:1.1rem;margin:.1rem 0 .8rem;color:var(--note);font-weight:500}
.top{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;border:solid var(--line);border-width:1px 0;padding:.7rem 0;margin-bottom:1rem}
.top dl{display:grid;grid-template-columns:auto auto;gap:.1rem .8rem;margin:0}
.top dt{font-weight:600}.top dd{margin:0}
.top ul{margin:0;padding-left:1.1rem}
.legend{display:grid;grid-template-columns:1.4rem auto 1.4rem auto;gap:.15rem .5rem;align-content:start}
.legend i{border:1px solid var(--line)}
.legend .wide{grid-column:2/5}
.says{border:1px solid var(--line);padding:.4rem .7rem;margin-bottom:1rem}.says a{color:inherit}.act{margin:.2rem 0 1.4rem}
.scroll{overflow-x:auto;margin-bottom:1.4rem}
table{border-collapse:collapse;font-size:11px;font-variant-numeric:tabular-nums;min-width:100%}
caption{text-align:left;padding:.15rem 0}
caption a.px{background:var(--title);color:#ffe88a;padding:.1rem .6rem;font-weight:700;font-size:12px;text-decoration:none}
caption span{padding-left:.7rem;color:var(--note)}
th,td{border:1px solid var(--line);padding:2px 4px;white-space:nowrap}
td{text-align:right}
td.ac{text-align:center}
td.ac a{color:inherit;text-decoration:none}
[title]{text-decoration:underline dotted;text-underline-offset:2px}
tr.titre th{background:var(--head);color:#fff;font-weight:600}
.frontend,.backend{background:#e9e7d6}.backend{font-weight:600}.socket{background:#dcdcdc}
.active_up{background:#bff5bf}.active_going_down{background:#fbf7a4}.active_going_up{background:#ffd44d}
.active_down,.backup_down{background:#ff9c9c}.active_nolb,.active_draining{background:#6cbcff}
.active_no_check,.backup_no_check{background:#e3e3e3}
.backup_up{background:#b6d3fb}.backup_going_down{background:#d3a3f7}.backup_going_up{background:#fba6f5}
.backup_nolb{background:#a6bfe6}.backup_draining{background:#d9ad3c}.maintain{background:#d09155}
@media(prefers-color-scheme:dark){
:root{--ink:#e6e6e2;--paper:#15181a;--soft:#22262a;--line:#444a4f;--head:#17484d;--title:#74102f;--note:#a5abb1}
a{color:#7db9ff}
.frontend,.backend{background:#302f26}.socket{background:#292c2f}
.active_up{background:#1d4d1d}.active_going_down{background:#5b5712}.active_going_up{background:#7a5a00}
.active_down,.backup_down{background:#6e1717}.active_nolb,.active_draining{background:#0f4a7a}
.active_no_check,.backup_no_check{background:#2c2f32}
.backup_up{background:#1d3558}.backup_going_down{background:#4b2369}.backup_going_up{background:#66215f}
.backup_nolb{background:#27395a}.backup_draining{background:#664a08}.maintain{background:#6b421a}}
";
