//! How the page of a history looks: readable by day and by night, and without the colours too.

/// The style sheet.
pub(super) const STYLE: &str = "
:root { --ground: #fff; --ink: #1d2330; --dim: #c9ced8; --ok: #d3ecd6; --ok-edge: #3d8b4b; --fail: #eceef2;
  --fail-edge: #8b93a3; --info: #fbeecb; --info-edge: #b18313; --bad: #c8102e; color-scheme: light dark; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171d; --ink: #e6e9ef; --dim: #3a4150; --ok: #1d3b24; --ok-edge: #5fb871; --fail: #272c36;
    --fail-edge: #78808f; --info: #40351a; --info-edge: #d3a52f; --bad: #ff5c6e; } }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 2rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-bottom: 0; }
section { border-left: 4px solid var(--bad); padding-left: 1rem; margin: 1rem 0; }
section p, section ul { margin: .3rem 0; overflow-wrap: anywhere; }
h1 .violation { color: var(--bad); } h1 .ok { color: var(--ok-edge); } .unknown { color: var(--info-edge); }
.key { display: inline-block; width: 1.2em; height: .8em; margin: 0 .4em 0 1em; border: 1px solid; }
.key.ok { background: var(--ok); border-color: var(--ok-edge); }
.key.fail { background: var(--fail); border-color: var(--fail-edge); border-style: dashed; }
.key.info { background: var(--info); border-color: var(--info-edge); }
.key.bad { border: 3px solid var(--bad); }
.history { display: flex; align-items: flex-start; } .lanes { overflow-x: auto; flex: 1; }
svg text { fill: var(--ink); font: 12px ui-monospace, monospace; }
.lane { stroke: var(--dim); stroke-width: 1; }
svg.ok rect { fill: var(--ok); stroke: var(--ok-edge); }
svg.fail rect { fill: var(--fail); stroke: var(--fail-edge); stroke-dasharray: 4 3; }
svg.info rect { fill: var(--info); stroke: var(--info-edge); }
svg.bad rect { stroke: var(--bad); stroke-width: 5; stroke-dasharray: none; }
";
