import { $, emptyLog, entry, face, make, nodes } from "./view.js";

const patience = 8000; // ms, for an acknowledgement
const kept = 400; // lines of each talk

const socket = window.io?.({
  path: document.querySelector("meta[name=socket-path]").content.replace(/\/$/, ""),
  reconnectionDelay: 500,
  reconnectionDelayMax: 4000,
});

let me = null; // {name, key} of who has logged in
let current = "#lobby"; // the talk that is seen
const talks = new Map(); // by "#room" or "@person": {lines, unread, typing}
const people = new Map(); // name: state
const rooms = new Map(); // name: members

// ask sends an event and waits for its acknowledgement.
function ask(event, what) {
  return new Promise((resolve, reject) => {
    if (!socket.connected) return reject(new Error("You are not connected at the moment."));
    socket.timeout(patience).emit(event, what, (late, answer) => {
      if (late) reject(new Error("The server did not answer."));
      else if (answer?.error) reject(new Error(sentence(answer.error)));
      else resolve(answer);
    });
  });
}

const sentence = text => text[0].toUpperCase() + text.slice(1) + ".";

function talk(key) {
  if (!talks.has(key)) talks.set(key, { lines: [], unread: 0, typing: new Map() });
  return talks.get(key);
}

// Logging in, and again after a break that was too long to come back from.

async function login(name, key) {
  const answer = await ask("login", { name, key });
  me = { name: answer.name, key: answer.key };
  sessionStorage.setItem("me", JSON.stringify(me));
  people.clear();
  rooms.clear();
  for (const p of answer.users) people.set(p.name, p.state);
  for (const r of answer.rooms) rooms.set(r.name, r.members);
  for (const key of talks.keys()) {
    if (key[0] === "#" && !answer.joined.some(r => "#" + r.name === key)) talks.delete(key);
  }
  for (const r of answer.joined) catchUp(r);
  if (!talks.has(current)) current = "#lobby";
  $("door").hidden = true;
  $("chat").hidden = false;
  $("me").replaceChildren(face(me.name), make("span", "label", me.name));
  document.body.dataset.name = me.name;
  show(current);
}

// catchUp adds what is new in the history of a room.
function catchUp(room) {
  const t = talk("#" + room.name);
  const known = new Set(t.lines.map(line => line.id));
  t.lines.push(...room.history.filter(m => !known.has(m.id)));
}

function loginAgain() {
  const saved = me ?? JSON.parse(sessionStorage.getItem("me"));
  if (!saved) return;
  login(saved.name, saved.key).catch(error => { if (socket.connected) logOut(error.message); });
}

function logOut(why = "") {
  sessionStorage.removeItem("me");
  me = null;
  talks.clear();
  current = "#lobby";
  delete document.body.dataset.name;
  $("chat").hidden = true;
  $("door").hidden = false;
  $("refused").textContent = why;
  state("");
  refresh();
  $("name").focus();
}

function state(text) {
  $("state").textContent = text;
  $("state").hidden = !text;
  document.body.dataset.connected = socket?.connected ? "yes" : "no";
  $("login").querySelector("button").disabled = !socket?.connected;
  refreshWrite();
}

// What is seen of talks, rooms and people.

let atEnd = true; // of the log, and to be kept there
$("log").addEventListener("scroll", () => {
  const log = $("log");
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
});
new ResizeObserver(() => { if (atEnd) $("log").scrollTop = $("log").scrollHeight; }).observe($("log"));

function add(key, line) {
  const t = talk(key);
  const before = t.lines.at(-1);
  if (line.id && t.lines.some(l => l.id === line.id)) return;
  t.lines.push(line);
  if (t.lines.length > kept) t.lines.splice(0, t.lines.length - kept);
  if (line.from) t.typing.delete(line.from);
  const seen = key === current && !document.hidden;
  if (!seen && line.from && line.from !== me?.name) t.unread++;
  if (key === current) {
    const log = $("log");
    if (!before) log.replaceChildren();
    log.append(...nodes(line, before, me?.name));
    while (log.childElementCount > kept) log.firstElementChild.remove();
    if (atEnd || line.from === me?.name) log.scrollTop = log.scrollHeight;
    refreshTyping();
  }
  refresh();
}

function show(key) {
  if (key !== current) typing(false);
  current = key;
  const t = talk(key);
  t.unread = 0;
  const log = $("log");
  log.replaceChildren();
  t.lines.forEach((line, i) => log.append(...nodes(line, t.lines[i - 1], me.name)));
  if (!t.lines.length) {
    log.append(key[0] === "#"
      ? emptyLog("Nothing here yet", "Say something: you are the first.")
      : emptyLog("Just the two of you", "What you write here nobody else sees."));
  }
  log.scrollTop = log.scrollHeight;
  atEnd = true;
  shut();
  $("failed").textContent = "";
  refresh();
  refreshTyping();
  refreshWrite();
  if (matchMedia("(hover: hover)").matches) $("text").focus();
}

const lobbyFirst = (a, b) => (b[0] === "lobby") - (a[0] === "lobby") || byName(a, b);
const byName = (a, b) => a[0].localeCompare(b[0], undefined, { sensitivity: "base" });
const plural = (n, one, more) => `${n} ${n === 1 ? one : more}`;

function refresh() {
  $("rooms").replaceChildren(...[...rooms].sort(lobbyFirst).map(([name, members]) => {
    const key = "#" + name;
    return entry({
      mark: make("span", "hash", "#"), label: name, note: members, unread: talks.get(key)?.unread,
      current: key === current, outside: !talks.has(key), pick: () => (talks.has(key) ? show(key) : join(name)),
    });
  }));
  $("people").replaceChildren(...[...people].sort(byName).map(([name, state]) => {
    const mine = name === me?.name;
    return entry({
      mark: face(name, state), label: name, note: mine ? "you" : state === "away" ? "away" : "",
      unread: talks.get("@" + name)?.unread, current: "@" + name === current, disabled: mine, pick: () => show("@" + name),
    });
  }));
  $("count").textContent = people.size || "";
  const name = current.slice(1);
  const isRoom = current[0] === "#";
  $("title").textContent = isRoom ? current : name;
  $("about").textContent = isRoom
    ? plural(rooms.get(name) ?? 0, "person", "people")
    : { here: "Private talk", away: "Away: gets what you write when back" }[people.get(name)] ?? "Has left the chat";
  $("leave").hidden = current === "#lobby";
  $("leave").textContent = isRoom ? "Leave" : "Close";
  let elsewhere = 0;
  for (const [key, t] of talks) elsewhere += key === current ? 0 : t.unread;
  $("elsewhere").textContent = elsewhere;
  $("elsewhere").hidden = !elsewhere;
  const unread = elsewhere + (talks.get(current)?.unread ?? 0);
  document.title = (unread ? `(${unread}) ` : "") + "Throng chat";
}

function refreshTyping() {
  const names = [...talk(current).typing.keys()];
  $("typing").textContent =
    names.length === 0 ? "" :
    names.length === 1 ? `${names[0]} is typing…` :
    names.length < 4 ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)} are typing…` : "Several people are typing…";
}

function refreshWrite() {
  const name = current.slice(1);
  $("text").placeholder = current[0] === "#" ? `Message to #${name}` : `Message to ${name} alone`;
  $("write").querySelector("button").disabled = !$("text").value.trim() || !socket?.connected;
  $("text").style.height = "auto";
  $("text").style.height = $("text").scrollHeight + 2 + "px";
}

async function join(name) {
  try {
    const room = await ask("join", { room: name });
    catchUp(room);
    show("#" + room.name);
    return true;
  } catch (error) {
    $("failed").textContent = error.message;
    return false;
  }
}

// What the user does.

$("login").addEventListener("submit", event => {
  event.preventDefault();
  $("refused").textContent = "";
  login($("name").value).catch(error => { $("refused").textContent = error.message; $("name").select(); });
});

$("open").addEventListener("submit", async event => {
  event.preventDefault();
  const name = $("room").value.trim();
  if (name && await join(name)) $("room").value = "";
});

$("leave").addEventListener("click", async () => {
  const key = current;
  try {
    if (key[0] === "#") await ask("leave", { room: key.slice(1) });
    talks.delete(key);
    show("#lobby");
  } catch (error) {
    $("failed").textContent = error.message;
  }
});

$("logout").addEventListener("click", () => {
  logOut();
  socket.disconnect().connect();
});

$("menu").addEventListener("click", () => {
  $("chat").classList.add("listing");
  $("shade").hidden = false;
});

function shut() {
  $("chat").classList.remove("listing");
  $("shade").hidden = true;
}

for (const id of ["shade", "shut"]) $(id).addEventListener("click", shut);
addEventListener("keydown", event => { if (event.key === "Escape") shut(); });

let typingSince = 0;
let typingEnd;

function typing(on) {
  clearTimeout(typingEnd);
  if (on) typingEnd = setTimeout(typing, 3000, false);
  if (on === Boolean(typingSince) && (!on || Date.now() - typingSince < 2000)) return;
  typingSince = on ? Date.now() : 0;
  socket.volatile.emit("typing", { [current[0] === "#" ? "room" : "to"]: current.slice(1), on });
}

$("text").addEventListener("input", () => {
  refreshWrite();
  typing(Boolean($("text").value.trim()));
});

// A line break sends, unless Shift is held; so do the keyboards of phones, which tell no keys.
let shifted = false;
$("text").addEventListener("keydown", event => { shifted = event.shiftKey; });
$("text").addEventListener("beforeinput", event => {
  if (event.inputType !== "insertLineBreak" || shifted) return;
  event.preventDefault();
  $("write").requestSubmit();
});

$("write").addEventListener("submit", async event => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || !socket.connected) return;
  atEnd = true;
  const key = current;
  $("text").value = "";
  $("failed").textContent = "";
  refreshWrite();
  typing(false);
  try {
    if (key[0] === "#") await ask("say", { room: key.slice(1), text });
    else await ask("whisper", { to: key.slice(1), text });
  } catch (error) {
    $("failed").textContent = error.message;
    if (key === current && !$("text").value) $("text").value = text;
    refreshWrite();
  }
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && me) {
    talk(current).unread = 0;
    refresh();
  }
});

addEventListener("pagehide", () => socket?.disconnect()); // says goodbye, so that the name is free at once
addEventListener("pageshow", event => { if (event.persisted) socket?.connect(); });

// What the server tells.

function events() {
  socket.on("connect", () => {
    state("");
    if (!socket.recovered) loginAgain();
  });
  socket.on("disconnect", reason => {
    if (reason === "io server disconnect") return logOut("You have logged in elsewhere.");
    state(me ? "The connection is lost. Reconnecting…" : "");
    for (const t of talks.values()) t.typing.clear();
    refreshTyping();
  });
  socket.on("connect_error", () => {
    state("The server cannot be reached. Trying again…");
    if (!me) $("refused").textContent = "The server cannot be reached. Trying again…";
  });
  socket.on("connect", () => { if ($("refused").textContent.startsWith("The server")) $("refused").textContent = ""; });
  socket.on("login-required", loginAgain);
  socket.on("message", m => add("#" + m.room, m));
  socket.on("whisper", m => add("@" + (m.from === me?.name ? m.to : m.from), m));
  socket.on("typing", n => {
    const t = talk(n.room ? "#" + n.room : "@" + n.from);
    clearTimeout(t.typing.get(n.from));
    t.typing.delete(n.from);
    if (n.on) t.typing.set(n.from, setTimeout(() => { t.typing.delete(n.from); refreshTyping(); }, 5000));
    refreshTyping();
  });
  socket.on("room", r => {
    if (r.members) rooms.set(r.name, r.members);
    else rooms.delete(r.name);
    refresh();
  });
  socket.on("user", p => {
    const before = people.get(p.name);
    if (p.state === "gone") people.delete(p.name);
    else people.set(p.name, p.state);
    const what = { gone: "left", away: "lost the connection", here: before ? "is back" : "joined" }[p.state];
    if (before !== p.state && p.name !== me?.name) {
      const line = { note: `${p.name} ${what}`, at: Date.now() };
      add("#lobby", line);
      if (talks.has("@" + p.name)) add("@" + p.name, line);
    }
    refresh();
  });
}

if (socket) {
  events();
  state("");
} else {
  $("refused").textContent = "The Socket.IO client could not be loaded; reload the page.";
}
if (!sessionStorage.getItem("me")) $("name").focus();
