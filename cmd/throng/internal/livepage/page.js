"use strict";
// The state as the server told it, the seconds of the trial under way, and the report once there is one.
let state = null, points = [], report = null, cursor = null;
const $ = id => document.getElementById(id);

// Numbers as people read them.
const grouped = n => Math.round(n).toString().replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
const short = n => n >= 1e6 ? (n / 1e6).toPrecision(3) + " M" : n >= 1e4 ? (n / 1e3).toPrecision(3) + " k" : grouped(n);
function time(us) {
  if (!us) return "–";
  if (us < 1000) return us + " µs";
  const ms = us / 1000;
  return ms < 10 ? ms.toFixed(2) + " ms" : ms < 100 ? ms.toFixed(1) + " ms" : ms < 10000 ? ms.toFixed(0) + " ms" : (ms / 1000).toFixed(1) + " s";
}
// A percentile among calls that never ended is more than what was waited; with too few samples there is none.
const atLeast = (of, name) => (of[name + "_beyond"] ? "> " : "") + time(of[name + "_us"]);
const two = n => String(n).padStart(2, "0");
function clock(s) {
  s = Math.max(0, Math.floor(s));
  return s >= 3600 ? Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60) : Math.floor(s / 60) + ":" + two(s % 60);
}
const percent = v => (v * 100).toFixed(v < 0.1 ? 1 : 0) + " %";
const memory = b => b >= 1 << 30 ? (b / (1 << 30)).toFixed(2) + " GiB" : (b / (1 << 20)).toFixed(0) + " MiB";
const words = {pass: "pass", fail: "fail", invalid: "invalid"};
const label = t => Object.keys(t.params || {}).sort().map(k => k + "=" + t.params[k]).concat(t.trial > 1 ? ["trial " + t.trial] : []).join(" ");

// Elements are made, never written as HTML: what a scenario or a server says stays text.
function make(tag, attributes, ...children) {
  const e = document.createElement(tag);
  for (const k in attributes) if (attributes[k] !== undefined) e.setAttribute(k, attributes[k]);
  e.append(...children.filter(c => c !== undefined && c !== ""));
  return e;
}
function draw(tag, attributes, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  e.append(...children);
  return e;
}
const fill = (id, ...children) => $(id).replaceChildren(...children);
const row = (...cells) => make("tr", {}, ...cells);
const cell = (text, cls) => make("td", cls ? {class: cls} : {}, text);

// What the server sends.
function take(message, all) {
  const other = !state || message.state.epoch !== state.epoch || message.state.started !== state.started;
  if (state && message.state.started !== state.started) report = null;
  state = message.state;
  if (all || other) points = [];
  const last = points.length ? points[points.length - 1].t : -1;
  for (const p of message.points || []) if (p.t > last) points.push(p);
  if (points.length > 3000) points = points.filter((_, i) => i % 2 === 0);
  show();
}
function takeReport(r) {
  if (report) URL.revokeObjectURL(report.url);
  report = {name: r.name, url: URL.createObjectURL(new Blob([r.html], {type: "text/html"}))};
  show();
}
function linked(on) {
  const e = $("link");
  const over = !on && state && state.done;
  e.textContent = on ? "connected" : over ? "ended" : "no connection, trying again";
  e.className = "link " + (on ? "on" : over ? "off" : "");
}

const stageText = {starting: "starting", "warm-up": "not recorded", recording: "recording", draining: "waiting for messages in flight", ended: "ended"};
const stageClass = {recording: "pass"};

function show() {
  const s = state;
  document.title = (s.done ? (words[s.verdict] || "ended") + ": " : "") + s.name + (s.done ? "" : ": live");
  $("name").textContent = s.name;
  $("about").textContent = s.about || "";
  const broken = (s.checks || []).filter(c => c.state === "fail" && !c.optional);
  const v = $("verdict");
  if (s.done) { v.textContent = s.verdict || "stopped"; v.className = "verdict " + (s.verdict || "wait"); }
  else if (broken.length) { v.textContent = broken.length + " failing"; v.className = "verdict fail"; }
  else { v.textContent = ""; }
  showEnd(s);
  $("stage").textContent = s.done ? "ended" : s.stopping ? "stopping" : stageText[s.stage] || s.stage;
  $("stage").className = "badge " + (s.done ? "wait" : stageClass[s.stage] || "wait");
  const ended = (s.trials || []).length, number = s.cells > 1 ? "trial " + s.cell + " of " + s.cells : ended > 1 || ended === 1 && s.stage !== "ended" ? "trial " + (ended + (s.stage === "ended" ? 0 : 1)) : "";
  const where = [number, label(s) ? "(" + label(s) + ")" : "", "· "].filter(t => t !== "").join(" ").replace(/^· /, "");
  $("phase").textContent = s.cell ? where + (s.phase || "") + " · " + clock(s.elapsed_s) + " of " + clock(s.total_s) : "";
  showPlan(s);
  showDoubt(s);
  showTiles(s);
  showTables(s);
  charts();
}

function showEnd(s) {
  const e = $("ended");
  e.hidden = !s.done;
  if (!s.done) return;
  e.className = "ended " + (s.verdict || "wait");
  const p = make("p", {}, s.reason ? s.reason + ". " : "The run has ended. ");
  if (report) p.append(make("a", {href: report.url, id: "report", target: "_blank"}, "Open the report"), " ");
  if (s.report) p.append("It is saved as ", make("code", {}, s.report), ".");
  e.replaceChildren(p);
}

function showPlan(s) {
  const plan = s.plan || [], total = s.total_s || 1;
  fill("plan", ...plan.map(p => {
    const share = Math.max(0, Math.min(1, (s.elapsed_s - p.start_s) / (p.end_s - p.start_s)));
    const e = make("div", {class: p.record ? "record" : "", title: p.name + ", " + clock(p.end_s - p.start_s + 0.5) + (p.record ? "" : ", not recorded")}, p.name);
    e.style.flex = (p.end_s - p.start_s) / total + " 1 0";
    const bar = make("i");
    bar.style.width = share * 100 + "%";
    e.append(bar);
    return e;
  }));
  const coming = plan.slice(s.phase_index + 1).map(p => p.name);
  let text = "";
  if (!s.done && s.cell) {
    if (coming.length && s.stage !== "draining" && s.stage !== "ended") text = "next " + coming[0] + " in " + clock(plan[s.phase_index].end_s - s.elapsed_s + 0.5) + (coming.length > 1 ? ", then " + coming.slice(1).join(", ") : "") + " · ";
    text += clock(s.left_s) + " left" + (s.cells > 1 ? " in all" : "");
  }
  $("next").textContent = text;
}

// The target may not fit the scenario. What does not change is said once to screen readers.
function showDoubt(s) {
  const e = $("doubt"), text = s.doubt && !s.done ? "So far: " + s.doubt : "";
  e.hidden = text === "";
  if (e.textContent !== text) e.textContent = text;
}

function tile(name, value, more) {
  return make("div", {class: "tile"}, make("span", {}, name), make("b", {}, value), make("span", {class: "more"}, more || "\u00a0"));
}

// missing is what had not come by its late limit: until the end of a trial it may still come.
function missing(s) {
  return s.stage === "ended" ? {name: "lost", n: s.ledger.lost} : {name: "missing", n: Math.max(s.missing, s.ledger.lost)};
}

// A percentile of the last second, and below it that of the trial so far. Where the second has too few samples, the trial's
// stands alone, and says so.
function percentileTile(s, name) {
  const second = s.last[name + "_us"], title = name + " " + (s.metric || "latency");
  if (second) return tile(title, time(second), "so far: " + atLeast(s, name));
  return tile(title, atLeast(s, name), s[name + "_us"] ? "so far; few samples a second" : s.metric ? "too few samples" : "");
}

function showTiles(s) {
  fill("tiles",
    tile("deliveries", short(s.last.deliveries_per_s) + "/s", grouped(s.received) + " received"),
    percentileTile(s, "p50"),
    percentileTile(s, "p99"),
    tile("clients held", grouped(s.held), "of " + grouped(s.asked) + (s.failed ? ", " + grouped(s.failed) + " failed" : "") + (s.dropped ? ", " + grouped(s.dropped) + " dropped" : "")),
    tile(missing(s).name, grouped(missing(s).n), "of " + grouped(s.ledger.expected) + " settled"),
    tile("errors", grouped(s.errors), s.classes && s.classes.length ? s.classes[0].class : "none"),
  );
}

function showTables(s) {
  const state = {pass: "pass", fail: "fail", wait: "wait"}, word = {pass: "ok", fail: "fail", wait: "–"};
  const checks = kind => (s.checks || []).filter(c => c.kind === kind).map(c =>
    row(make("td", {class: "state"}, make("span", {class: "badge " + state[c.state]}, word[c.state])), cell(c.check + (c.optional ? " (optional)" : "")), cell(c.value || "no data yet", "num")));
  const or = (rows, text) => rows.length ? rows : [row(cell(text))];
  fill("slo", ...or(checks("slo"), s.cell ? "The scenario has none." : "not yet"));
  const p = s.last;
  fill("valid", ...checks("valid"),
    row(cell(""), cell("highest lag in the last second"), cell(time(p.lag_us), "num")),
    row(cell(""), cell("CPU of the generator"), cell(percent(p.cpu), "num")),
    row(cell(""), cell("longest GC pause in the last second"), cell(p.gc_us ? time(p.gc_us) : "none", "num")),
    ...(p.server_rss_bytes ? [row(cell(""), cell("server: CPU and memory"), cell(percent(p.server_cpu) + ", " + memory(p.server_rss_bytes), "num"))] : []));
  const g = s.ledger;
  const line = (name, n, bad) => row(cell(name), cell(grouped(n), "num" + (bad && n ? " bad" : "")));
  fill("ledger", line("held back", s.held_back, true), line("given up", s.given_up, true), line("expected", g.expected), line("received", g.received), line("late", g.late, true), line(missing(s).name, missing(s).n, true),
    line("duplicate", Math.max(g.duplicate, s.duplicate), true), line("out of order", g.disorder, true), line("undecided", g.undecided));
  fill("errors", ...or((s.classes || []).slice(0, 12).map(c => row(cell(grouped(c.n), "num bad"), cell(c.class), cell(c.text || ""))), "none"));
  const trials = (s.trials || []).slice().reverse();
  $("trials-box").hidden = s.cells < 2 && trials.length < 2 || !trials.length;
  fill("trials", make("thead", {}, row(...["", "trial", "p50", "p99", ""].map(t => make("th", {}, t)))), make("tbody", {}, ...trials.map(t =>
    row(make("td", {class: "state"}, make("span", {class: "badge " + t.verdict}, t.verdict)), cell(label(t) || "trial " + t.cell), cell(atLeast(t, "p50")), cell(atLeast(t, "p99")), cell(t.reason || "")))));
}

// Charts: time to the right, phases behind, unrecorded ones shaded.
function charts() {
  const us = f => p => p[f] || null;
  const few = points.some(p => p.max_us) && !points.some(p => p.p99_us) ? " (few samples)" : "";
  const limits = (state.checks || []).filter(c => c.metric === state.metric && c.unit === "s" && /^p99\(/.test(c.check)).map(c => c.limit * 1e6);
  chart("latency", {log: true, show: time, limits, lines: [
    {name: "max", of: us("max_us"), colour: "--c3"}, {name: "p99" + few, of: us("p99_us"), colour: "--c1"}, {name: "p50", of: us("p50_us"), colour: "--c0"}]});
  chart("rate", {show: short, lines: [
    {name: "deliveries/s", of: p => p.deliveries_per_s, colour: "--c0"}, {name: "sent/s", of: p => p.sent_per_s, colour: "--c2"},
    ...(points.some(p => p.errors_per_s > 0) ? [{name: "errors/s", of: p => p.errors_per_s, colour: "--c1", dash: true}] : [])]});
  chart("clients", {show: grouped, lines: [
    {name: "asked", of: p => p.asked, colour: "--c3", dash: true}, {name: "held", of: p => p.held, colour: "--c0"}]});
  const cpu = (state.checks || []).filter(c => c.metric === "cpu" && c.unit === "share").map(c => c.limit);
  chart("health", {show: percent, limits: cpu, top: 1, lines: [
    {name: "generator CPU", of: p => p.cpu, colour: "--c0"},
    ...(points.some(p => p.server_rss_bytes) ? [{name: "server CPU", of: p => p.server_cpu, colour: "--c2"}] : [])]});
}

// Round numbers need no zeros behind the point: 1.00 ms is 1 ms, 1000 ms is 1 s.
const tick = s => s === "–" ? "0" : s.replace(/^(\d+)000 ms$/, "$1 s").replace(/(\.\d*?)0+(?=\s|$)/, "$1").replace(/\.(?=\s|$)/, "");

function nice(v) { // the round number that is not below v
  if (v <= 0) return 1;
  const e = Math.pow(10, Math.floor(Math.log10(v)));
  return [1, 2, 5, 10].map(m => m * e).find(n => n >= v * 0.999);
}

const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800]; // between labels of time, seconds

function chart(id, o) {
  const svg = $(id), width = svg.clientWidth || 500, height = svg.clientHeight || 190;
  const left = 58, right = 8, top = 6, bottom = 20;
  const total = Math.max(state.total_s || 1, points.length ? points[points.length - 1].t + 1 : 1);
  const values = o.lines.flatMap(l => points.map(l.of)).filter(v => v > 0);
  let high = values.length ? values.reduce((a, b) => Math.max(a, b)) : 1, low = values.length ? values.reduce((a, b) => Math.min(a, b)) : 1, ticks = [];
  const limits = (o.limits || []).filter(v => v > 0 && (!o.log || v < high * 30));
  if (o.log) {
    high = Math.max(high, ...limits);
    const from = Math.floor(Math.log10(low)), to = Math.max(from + 1, Math.ceil(Math.log10(high)));
    low = Math.pow(10, from); high = Math.pow(10, to);
    for (let e = from; e <= to; e++) ticks.push(Math.pow(10, e));
  } else {
    high = o.top || nice(Math.max(high, ...limits)); low = 0;
    ticks = [0, high / 2, high].filter(v => o.top || Number.isInteger(v)); // there is no half of a client
  }
  const x = t => left + (width - left - right) * t / total;
  const share = v => o.log ? Math.log(Math.max(v, low) / low) / Math.log(high / low) : v / high;
  const y = v => top + (height - top - bottom) * (1 - Math.min(1, share(v)));
  const all = [];
  for (const p of state.plan || []) {
    if (!p.record) all.push(draw("rect", {class: "band", x: x(p.start_s), y: top, width: x(p.end_s) - x(p.start_s), height: height - top - bottom}));
  }
  for (const v of ticks) {
    all.push(draw("line", {class: "grid", x1: left, x2: width - right, y1: y(v), y2: y(v)}), draw("text", {x: left - 6, y: y(v) + 4, "text-anchor": "end"}, tick(o.show(v))));
  }
  for (let t = 0, step = steps.find(s => total / s < (width < 400 ? 5 : 7)) || 86400; t <= total; t += step) {
    all.push(draw("text", {x: x(t), y: height - 4, "text-anchor": t === 0 ? "start" : x(t) > width - 24 ? "end" : "middle"}, clock(t)));
  }
  for (const v of limits.filter(v => v >= low)) all.push(draw("line", {class: "limit", x1: left, x2: width - right, y1: y(v), y2: y(v)}));
  for (const l of o.lines) {
    let path = "", gap = true;
    for (const p of points) {
      const v = l.of(p);
      if (v === null || v === undefined) { gap = true; continue; }
      path += (gap ? "M" : "L") + x(p.t + 0.5).toFixed(1) + " " + y(v).toFixed(1) + (gap ? "h0" : ""); // a dot, should it stay alone
      gap = false;
    }
    if (path) all.push(draw("path", {d: path, fill: "none", style: "stroke:var(" + l.colour + ")", "stroke-width": 1.8, "stroke-linejoin": "round", "stroke-linecap": "round", ...(l.dash ? {"stroke-dasharray": "5 3"} : {})}));
  }
  let at = points.length ? points[points.length - 1] : null;
  if (cursor !== null && points.length) {
    at = points.reduce((a, b) => Math.abs(b.t + 0.5 - cursor * total) < Math.abs(a.t + 0.5 - cursor * total) ? b : a);
    all.push(draw("line", {class: "cursor", x1: x(at.t + 0.5), x2: x(at.t + 0.5), y1: top, y2: height - bottom}));
  }
  svg.setAttribute("viewBox", "0 0 " + width + " " + height);
  svg.replaceChildren(draw("title", {}, id + " by time; limits are dashed"), ...all);
  svg.onpointermove = e => { cursor = Math.max(0, Math.min(1, (e.offsetX - left) / (width - left - right))); charts(); };
  svg.onpointerleave = () => { cursor = null; charts(); };
  fill(id + "-legend", ...(cursor !== null && at ? [make("span", {}, "at " + clock(at.t))] : []), ...o.lines.map(l => {
    const swatch = make("i", {class: "swatch" + (l.dash ? " dash" : "")});
    swatch.style.borderColor = "var(" + l.colour + ")";
    const v = at ? l.of(at) : null;
    return make("span", {}, swatch, l.name + " ", make("b", {}, v === null || v === undefined ? "–" : o.show(v)));
  }), ...(limits.length ? [make("span", {}, "limit " + limits.map(o.show).join(", "))] : []));
}
addEventListener("resize", () => { if (state) charts(); });

// The connection: the official client when the server has it, or what little of the protocol this page needs, over a plain websocket.
function plain() {
  const ws = new WebSocket((location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/socket.io/?EIO=4&transport=websocket");
  let watch = 0, patience = 0;
  const alive = () => { clearTimeout(watch); if (patience) watch = setTimeout(() => ws.close(), patience); };
  ws.onmessage = e => {
    alive();
    const text = e.data;
    if (text[0] === "0") { const h = JSON.parse(text.slice(1)); patience = h.pingInterval + h.pingTimeout; alive(); ws.send("40"); } // open: join the namespace
    else if (text === "2") ws.send("3"); // ping: pong
    else if (text.startsWith("40")) linked(true);
    else if (text.startsWith("42")) { const [name, m] = JSON.parse(text.slice(2)); event(name, m); }
    else if (text.startsWith("41") || text.startsWith("44") || text === "1") ws.close();
  };
  ws.onclose = () => { clearTimeout(watch); linked(false); if (!state || !state.done) setTimeout(plain, 1500); };
}
function event(name, m) {
  if (name === "all") take(m, true);
  else if (name === "now") take(m, false);
  else if (name === "report") takeReport(m);
}
if (typeof io === "function") {
  const socket = io({reconnectionDelayMax: 3000});
  for (const name of ["all", "now", "report"]) socket.on(name, m => event(name, m));
  socket.on("connect", () => linked(true));
  socket.on("disconnect", () => { linked(false); if (state && state.done) socket.close(); });
} else plain();
