"""A chat on python-socketio and aiohttp, in the namespace /chat.

    python3 chat.py [--port N]

POST /login {"user": NAME} gives {"token": TOKEN}; without it in `auth` the connection is refused.

    join room                      puts the socket into a room
    leave room                     takes it out
    say {room, text}               emits said {room, from, text} to the room
    typing {room, draft}           emits typing {room, from, draft} to the others in the room
    whisper {to, text}             emits whispered {from, text} to all sockets of that user
    announce text                  emits announced text to the namespace

SHOP_FAULTS plants mistakes and GET /account tells of them, as in ../shop. It prints one line with its address when it accepts
connections, and ends on SIGTERM, SIGINT, or the end of a piped standard input.
"""

import argparse
import asyncio
import hashlib
import hmac
import os
import re
import signal
import socket
import stat

import socketio
from aiohttp import web

KINDS = ("loss", "duplicate", "stranger", "late")
OPERATIONS = ("say", "typing", "whisper", "announce")


class Account:
    """What the server did, by operation. Faults are planted by counting, so that the account of them is exact."""

    def __init__(self, faults):
        self.asked, self.delivered = {}, {}
        self.planted = {kind: {} for kind in KINDS}
        self.faults = []
        for text in filter(None, faults.split(",")):
            found = re.fullmatch(r"\s*(%s)=(%s):([1-9]\d*)\s*" % ("|".join(KINDS), "|".join(OPERATIONS)), text)
            if not found:
                raise SystemExit("SHOP_FAULTS: %s: write KIND=OPERATION:EVERY" % text)
            self.faults.append((found[1], found[2], int(found[3])))

    def ask(self, op, members, everyone):
        """Counts a message, and returns who gets nothing of it, who gets it again or as a stranger, and who late."""
        add(self.asked, op)
        mistakes = {"loss": [], "again": [], "late": []}
        for kind, of, every in self.faults:
            if of != op or self.asked[op] % every:
                continue
            taken = [sid for sids in mistakes.values() for sid in sids]  # or two mistakes could cancel each other
            strangers = [sid for sid in everyone if sid not in members]
            hit = [sid for sid in (strangers if kind == "stranger" else members) if sid not in taken][-1:]
            if hit:
                add(self.planted[kind], op)
                mistakes[kind if kind in mistakes else "again"] += hit
        return mistakes.values()


def add(counts, op, n=1):
    counts[op] = counts.get(op, 0) + n


def sign(name):
    return hmac.new(b"not a secret", name.encode(), hashlib.sha256).hexdigest()


class Chat(socketio.AsyncNamespace):
    def __init__(self, account):
        super().__init__("/chat")
        self.account = account
        self.users = {}

    async def on_connect(self, sid, environ, auth):
        name, _, signature = (auth or {}).get("token", "").partition(".")
        if not name or signature != sign(name):
            raise socketio.exceptions.ConnectionRefusedError("log in first")
        self.users[sid] = name

    async def on_disconnect(self, sid):
        self.users.pop(sid, None)

    async def on_join(self, sid, room):
        self.enter_room(sid, room)
        return {"ok": True}

    async def on_leave(self, sid, room):
        self.leave_room(sid, room)
        return {"ok": True}

    async def on_say(self, sid, message):
        room = message["room"]
        said = {"room": room, "from": self.users[sid], "text": message["text"]}
        await self.deliver("say", self.members(room), "said", said)
        return {"ok": True}

    async def on_typing(self, sid, notice):
        room = notice["room"]
        others = [m for m in self.members(room) if m != sid]
        await self.deliver("typing", others, "typing", {"room": room, "from": self.users[sid], "draft": notice["draft"]})

    async def on_whisper(self, sid, message):
        audience = [m for m, name in self.users.items() if name == message["to"]]
        await self.deliver("whisper", audience, "whispered", {"from": self.users[sid], "text": message["text"]})
        return {"ok": True}

    async def on_announce(self, sid, text):
        await self.deliver("announce", list(self.users), "announced", text)

    def members(self, room):
        return [sid for sid, _ in self.server.manager.get_participants("/chat", room)]

    async def deliver(self, op, audience, event, data):
        lost, again, late = self.account.ask(op, audience, list(self.users))
        for sid in [m for m in audience if m not in lost and m not in late] + again:
            await self.send_one(op, event, data, sid)
        for sid in late:
            wait = int(os.environ.get("SHOP_LATE", "5000")) / 1000
            asyncio.get_running_loop().call_later(
                wait, lambda sid=sid: asyncio.ensure_future(self.send_one(op, event, data, sid)))

    async def send_one(self, op, event, data, sid):
        if sid not in self.users:
            return
        add(self.account.delivered, op)
        await self.emit(event, data, to=sid)


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one")
    args = parser.parse_args()
    account = Account(os.environ.get("SHOP_FAULTS", ""))
    io = socketio.AsyncServer(async_mode="aiohttp")
    io.register_namespace(Chat(account))
    app = web.Application()
    io.attach(app)

    async def login(request):
        name = (await request.json())["user"]
        return web.json_response({"token": name + "." + sign(name)})

    async def tell(request):
        return web.json_response({key: getattr(account, key) for key in ("asked", "delivered", "planted")})

    app.add_routes([web.post("/login", login), web.get("/account", tell)])
    listener = socket.create_server(("127.0.0.1", args.port), backlog=4096)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, listener, shutdown_timeout=0.2).start()
    print("listening on http://%s:%d" % listener.getsockname(), flush=True)
    await end()
    os._exit(0)  # clients may still be there


async def end():
    """Waits for SIGTERM, SIGINT, or the end of a piped standard input."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, ended.set)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        loop.add_reader(0, lambda: os.read(0, 4096) or ended.set())
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
