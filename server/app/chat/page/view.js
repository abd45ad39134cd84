// What is seen. Every text of a user goes into the document as text, by
// textContent, and never as HTML.

export const $ = id => document.getElementById(id);

export function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const hues = [168, 205, 262, 322, 8, 28, 95, 140, 232, 345];

export function hue(name) {
  let sum = 0;
  for (const c of name.toLowerCase()) sum = (sum * 31 + c.codePointAt(0)) >>> 0;
  return hues[sum % hues.length];
}

export function face(name, state) {
  const f = make("span", "face" + (state ? " dot " + state : ""), [...name][0].toUpperCase());
  f.style.setProperty("--hue", hue(name));
  f.setAttribute("aria-hidden", "true");
  return f;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });

function dayMark(at) {
  const li = make("li", "day");
  const today = day.format(Date.now()) === day.format(at);
  li.append(make("span", "", today ? "Today" : day.format(at)));
  return li;
}

// nodes returns what one line adds to the log, given the line before it.
export function nodes(line, before, me) {
  const all = [];
  if (!before || day.format(before.at) !== day.format(line.at)) all.push(dayMark(line.at));
  if (line.note) {
    all.push(make("li", "event", line.note));
    return all;
  }
  const again = !all.length && before && before.from === line.from && line.at - before.at < 5 * 60_000;
  const mine = line.from === me;
  const li = make("li", "said" + (mine ? " mine" : "") + (again ? " again" : ""));
  li.style.setProperty("--hue", hue(line.from));
  if (!again) {
    if (!mine) li.append(face(line.from));
    const box = make("div");
    const who = make("p", "who");
    if (!mine) who.append(make("b", "", line.from));
    const time = make("time", "", clock.format(line.at));
    time.dateTime = new Date(line.at).toISOString();
    who.append(time);
    box.append(who);
    li.append(box);
  }
  const bubble = make("p", "bubble", line.text);
  bubble.title = clock.format(line.at);
  li.append(bubble);
  all.push(li);
  return all;
}

export function emptyLog(title, text) {
  const li = make("li", "empty");
  li.append(make("b", "", title), make("span", "", text));
  return li;
}

// entry is a line of the list beside the talk.
export function entry({ mark, label, note, unread, current, disabled, outside, pick }) {
  const li = make("li", outside ? "outside" : "");
  const button = make("button");
  button.type = "button";
  button.disabled = Boolean(disabled);
  button.append(mark, make("span", "label", label));
  if (note) button.append(make("span", "note", note));
  if (unread) button.append(make("span", "badge", unread > 99 ? "99+" : unread));
  if (current) button.setAttribute("aria-current", "true");
  button.addEventListener("click", pick);
  li.append(button);
  return li;
}
