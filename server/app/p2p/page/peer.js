// A peer for browsers: the other half of scenario/peer, whose documentation has
// the rules. It needs a Socket.IO client; binary messages that go by the server
// need the official one.
//
//   const mesh = new Mesh(socket, "lobby", { onPeer, onMessage });
//   mesh.join();
//   const way = mesh.send(id, "hello");  // "direct" or "relayed"

const maxFrame = 65535; // bytes of a message of the channel
const [whole, first, next] = [0, 1, 2];
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export class Mesh {
  #socket; #room; #options; #you = ""; #early = []; #links = new Map(); #heard;

  // options: onMessage({from, data, way}), data a string or an ArrayBuffer;
  // onPeer({id, state, timings, error}), state "connecting", "open", "fallback" or
  // "gone"; onRefused({event, code, reason}); timeout in ms, 10 s by default;
  // maxMessage in bytes, 16 MiB by default; iceServers, none by default.
  constructor(socket, room, options = {}) {
    this.#socket = socket;
    this.#room = room;
    this.#options = { timeout: 10_000, maxMessage: 16 << 20, iceServers: [], ...options };
    this.#heard = {
      "p2p:peers": ({ you, peers }) => {
        this.#you = you;
        for (const id of [...peers, ...this.#early.splice(0)]) this.#meet(id);
      },
      "p2p:joined": ({ peer }) => this.#meet(peer),
      "p2p:left": ({ peer }) => this.#part(peer),
      "p2p:signal": ({ from, data }) => this.#signalled(from, data),
      "p2p:relay": ({ from }, data) => this.#options.onMessage?.({ from, data, way: "relayed" }),
    };
    for (const [event, f] of Object.entries(this.#heard)) {
      socket.on(event, (head, ...rest) => { if (head.room === room) f(head, ...rest); });
    }
    socket.on("p2p:refused", r => { if (!r.room || r.room === room) this.#options.onRefused?.(r); });
  }

  // join asks for the room: now, and again after each connection of the socket.
  join() {
    this.close();
    this.#you = "";
    this.#socket.emit("p2p:join", { room: this.#room });
  }

  leave() {
    this.#socket.emit("p2p:leave", { room: this.#room });
    this.close();
  }

  close() {
    for (const id of [...this.#links.keys()]) this.#part(id);
  }

  get peers() { return [...this.#links.values()].map(l => l.peer); }

  // send sends a string or an ArrayBuffer, and returns which way it went.
  send(to, data) {
    const link = this.#links.get(to);
    if (!link) throw new Error(`no peer ${to} is in the room`);
    if (link.open) {
      split(data, frame => link.channel.send(frame));
      return "direct";
    }
    this.#socket.emit("p2p:relay", { room: this.#room, to }, data);
    return "relayed";
  }

  broadcast(data) {
    return [...this.#links.keys()].map(id => this.send(id, data));
  }

  #meet(id) {
    if (!this.#you) this.#early.push(id);
    else if (id !== this.#you && !this.#links.has(id)) {
      const link = this.#add(id);
      if (this.#you < id) link.call();
    }
  }

  #add(id) {
    const emit = data => this.#socket.emit("p2p:signal", { room: this.#room, to: id, data });
    const link = new Link(id, emit, this.#options);
    this.#links.set(id, link);
    link.begin();
    return link;
  }

  #part(id) {
    const link = this.#links.get(id);
    this.#links.delete(id);
    link?.gone();
  }

  #signalled(from, data) {
    let link = this.#links.get(from);
    const offer = data.description?.type === "offer";
    if (!link && !offer) return;
    link ??= this.#add(from);
    if (offer && this.#you && this.#you < from) return; // the offer is this peer's to make
    link.later(() => link.signalled(data, offer));
  }
}

class Link {
  peer; open = false; channel;
  #emit; #options; #call; #pc; #stage; #began; #timer; #waiting = []; #queue = Promise.resolve();

  constructor(id, emit, options) {
    this.peer = { id, state: "connecting", timings: {} };
    this.#emit = emit;
    this.#options = options;
  }

  // later lets signals be handled one after the other: each has several steps.
  later(f) { this.#queue = this.#queue.then(f).catch(error => this.#fail(this.#stage, String(error))); }

  begin() {
    this.#stage = "signalling";
    this.#began = performance.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(this.#stage, "no end of it in time"), this.#options.timeout);
    this.#change("connecting");
  }

  call() {
    this.later(async () => {
      this.#connect(Math.random().toString(36).slice(2));
      await this.#describe(await this.#pc.createOffer());
    });
  }

  async signalled({ call, description, candidate, failed }, offer) {
    if (this.peer.state === "gone") return;
    if (offer) {
      if (this.#pc) {
        this.#end();
        this.peer.timings = {};
        this.begin();
      }
      this.#connect(call);
      await this.#pc.setRemoteDescription(description);
      await this.#describe(await this.#pc.createAnswer());
      await this.#ready();
    } else if (call !== this.#call) {
      return; // of an earlier connection
    } else if (failed) {
      this.#retreat(failed, "the peer has given up");
    } else if (description) {
      await this.#pc.setRemoteDescription(description);
      await this.#ready();
    } else if (candidate) {
      if (this.#waiting) this.#waiting.push(candidate);
      else await this.#pc.addIceCandidate(candidate).catch(() => {}); // one that cannot be used is none
    }
  }

  gone() {
    this.#end();
    this.#change("gone");
  }

  async #describe(description) {
    await this.#pc.setLocalDescription(description);
    this.#emit({ call: this.#call, description: { type: description.type, sdp: description.sdp } });
  }

  async #ready() {
    this.#pass("signalling", "ice");
    for (const c of this.#waiting.splice(0)) await this.#pc.addIceCandidate(c).catch(() => {});
    this.#waiting = null;
  }

  #connect(call) {
    const pc = this.#pc = new RTCPeerConnection({ iceServers: this.#options.iceServers });
    const mine = f => (...args) => { if (pc === this.#pc) f(...args); };
    this.#call = call;
    this.#waiting = [];
    this.channel = pc.createDataChannel("p2p", { negotiated: true, id: 0 });
    this.channel.binaryType = "arraybuffer";
    pc.onicecandidate = mine(({ candidate }) => {
      if (candidate?.candidate) this.#emit({ call, candidate: candidate.toJSON() });
    });
    pc.oniceconnectionstatechange = mine(() => {
      if (/connected|completed/.test(pc.iceConnectionState)) this.#pass("ice", "dtls");
      if (pc.iceConnectionState === "failed") this.#fail(this.#stage, "no pair of addresses works");
    });
    pc.onconnectionstatechange = mine(() => {
      if (pc.connectionState === "connected") this.#pass("dtls", "channel");
      if (pc.connectionState === "failed") this.#fail(this.#stage, "the connection failed");
    });
    this.channel.onopen = mine(() => {
      for (const [stage, then] of [["ice", "dtls"], ["dtls", "channel"], ["channel", "open"]]) this.#pass(stage, then);
      clearTimeout(this.#timer);
      this.open = true;
      this.#change("open");
    });
    this.channel.onclose = mine(() => this.#fail("open", "the connection ended"));
    const join = joiner(this.#options.maxMessage);
    this.channel.onmessage = mine(({ data }) => {
      try {
        const message = join(data);
        if (message !== undefined) this.#options.onMessage?.({ from: this.peer.id, data: message, way: "direct" });
      } catch (error) {
        this.#fail("open", error.message);
      }
    });
  }

  #pass(stage, then) {
    if (this.#stage !== stage) return;
    const now = performance.now();
    this.peer.timings[stage] = now - this.#began;
    [this.#stage, this.#began] = [then, now];
  }

  #fail(stage, why) {
    if (!/connecting|open/.test(this.peer.state)) return;
    if (this.#call) this.#emit({ call: this.#call, failed: stage });
    this.#retreat(stage, why);
  }

  #retreat(stage, why) {
    this.#end();
    this.#change("fallback", `${stage}: ${why}`);
  }

  #end() {
    clearTimeout(this.#timer);
    this.open = false;
    const pc = this.#pc;
    this.#pc = undefined;
    pc?.close();
  }

  #change(state, error) {
    this.peer = { ...this.peer, state, error };
    this.#options.onPeer?.(this.peer);
  }
}

// split passes a message on as messages of the channel.
function split(data, send) {
  const text = typeof data === "string";
  const bytes = text ? encoder.encode(data) : new Uint8Array(data);
  if (text && bytes.length <= maxFrame) return send(data);
  if (bytes.length < maxFrame) return send(frame([whole], bytes));
  const size = bytes.length;
  let head = [first, text ? 0 : 1, size >>> 24, size >>> 16, size >>> 8, size];
  for (let at = 0; at < size; head = [next]) {
    const part = bytes.subarray(at, at + maxFrame - head.length);
    send(frame(head, part));
    at += part.length;
  }
}

function frame(head, data) {
  const f = new Uint8Array(head.length + data.length);
  f.set(head);
  f.set(data, head.length);
  return f;
}

// joiner returns a function that takes messages of the channel, and returns each
// message that is complete.
function joiner(max) {
  let parts; // of the message that comes in parts: {text, size, data, got}
  return received => {
    if (typeof received === "string") {
      if (parts) throw new Error("another message between the parts of one");
      return received;
    }
    const bytes = new Uint8Array(received);
    if (!parts && bytes[0] === whole) return received.slice(1);
    let data = bytes.subarray(1);
    if (!parts && bytes[0] === first && bytes.length > 6 && bytes[1] <= 1) {
      const size = new DataView(received).getUint32(2);
      if (size > max) throw new Error(`a message of ${size} bytes; the most are ${max}`);
      parts = { text: bytes[1] === 0, size, data: [], got: 0 };
      data = bytes.subarray(6);
    } else if (!parts || bytes[0] !== next || !data.length) {
      throw new Error("a part of a message that does not fit");
    }
    parts.data.push(data);
    parts.got += data.length;
    if (parts.got > parts.size) throw new Error(`${parts.got} bytes in parts of a message of ${parts.size}`);
    if (parts.got < parts.size) return undefined;
    const all = new Uint8Array(parts.size);
    let at = 0;
    for (const part of parts.data) {
      all.set(part, at);
      at += part.length;
    }
    const { text } = parts;
    parts = undefined;
    return text ? decoder.decode(all) : all.buffer;
  };
}
