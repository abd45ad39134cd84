// A small client of Socket.IO protocol 5, over websockets alone and for the main
// namespace alone: what the chat needs where the official client is not
// installed. It has the official one's names.
window.io = ({ path, reconnectionDelay, reconnectionDelayMax }) => {
  const listeners = new Map();
  const acks = new Map();
  let ws, watch, retry, beat, attempts = 0, nextAck = 0, pid, offset, early = [];

  const tell = (event, ...args) => { for (const f of listeners.get(event) ?? []) f(...args); };

  const socket = {
    connected: false,
    recovered: false,
    id: undefined,
    on(event, f) {
      listeners.set(event, [...(listeners.get(event) ?? []), f]);
      return socket;
    },
    emit(event, ...args) { return send(event, args); },
    // The official client queues what is emitted without a connection; this one
    // drops it, as it does what is volatile.
    get volatile() { return socket; },
    timeout(ms) {
      return {
        emit(event, ...args) {
          const done = args.pop();
          const id = nextAck++;
          const late = setTimeout(() => { if (acks.delete(id)) done(new Error("operation has timed out")); }, ms);
          acks.set(id, answer => { clearTimeout(late); done(null, ...answer); });
          send(event, args, id);
        },
      };
    },
    connect() {
      if (!ws) open();
      return socket;
    },
    disconnect() {
      clearTimeout(retry);
      if (socket.connected) ws.send("41");
      pid = offset = undefined; // it does not want to come back
      close("io client disconnect", false);
      return socket;
    },
  };

  function send(event, args, id = "") {
    if (socket.connected) ws.send(`42${id}${JSON.stringify([event, ...args])}`);
    return socket;
  }

  function open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const mine = ws = new WebSocket(`${scheme}//${location.host}${path}/?EIO=4&transport=websocket`);
    watch = setTimeout(() => mine === ws && close("timeout", true), 20_000);
    mine.onmessage = ({ data }) => { if (mine === ws) receive(data); };
    mine.onclose = () => { if (mine === ws) close("transport close", true); };
  }

  function close(reason, again) {
    const was = socket.connected;
    clearTimeout(watch);
    const old = ws;
    ws = undefined;
    early = [];
    socket.connected = false;
    old?.close();
    if (was) tell("disconnect", reason);
    else if (again) tell("connect_error", new Error(reason));
    if (again) {
      const delay = Math.min(reconnectionDelay * 2 ** attempts++, reconnectionDelayMax);
      retry = setTimeout(open, delay * (0.5 + Math.random()));
    }
  }

  function alive() {
    clearTimeout(watch);
    watch = setTimeout(close, beat, "ping timeout", true);
  }

  function receive(data) {
    if (data[0] === "0") {
      const hello = JSON.parse(data.slice(1));
      beat = hello.pingInterval + hello.pingTimeout;
      ws.send("40" + (pid ? JSON.stringify({ pid, offset }) : ""));
      return alive();
    }
    if (data[0] === "2") {
      ws.send("3");
      return alive();
    }
    if (data[0] !== "4") return;
    const body = data.slice(2);
    switch (data[1]) {
      case "0": {
        const { sid, pid: secret } = JSON.parse(body);
        socket.recovered = Boolean(secret) && secret === pid;
        if (!socket.recovered) offset = undefined;
        [socket.id, pid, attempts, socket.connected] = [sid, secret, 0, true];
        for (const event of early.splice(0)) tell(...event);
        tell("connect");
        break;
      }
      case "1":
        close("io server disconnect", false);
        break;
      case "2": {
        const [event, ...args] = JSON.parse(body);
        if (pid && typeof args.at(-1) === "string") offset = args.at(-1);
        if (socket.connected) tell(event, ...args);
        else early.push([event, ...args]); // what was missed comes before the consent
        break;
      }
      case "3": {
        const [, id, list] = /^(\d+)(.*)$/s.exec(body);
        const done = acks.get(Number(id));
        acks.delete(Number(id));
        done?.(JSON.parse(list));
        break;
      }
      case "4":
        close("refused", true);
    }
  }

  open();
  return socket;
};
