"""Socket.IO servers of Python, offering the benchmark contract of Throng (see ../node/README.md).

    python3 server.py --with flask      Flask-SocketIO on eventlet
    python3 server.py --with aiohttp    python-socketio on aiohttp

It prints one line with its address when it accepts connections, and ends on SIGTERM.
"""

import argparse
import socket


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--with", dest="framework", choices=["flask", "aiohttp"], default="flask")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one")
    args = parser.parse_args()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", args.port))
    listener.listen(4096)
    {"flask": flask, "aiohttp": aiohttp}[args.framework](listener)


def ready(listener):
    print("listening on http://%s:%d" % listener.getsockname(), flush=True)


def others(rest):
    return bool(rest and rest[0] is True)


def flask(listener):
    import eventlet

    eventlet.monkey_patch()
    import eventlet.wsgi
    from eventlet.greenio import GreenSocket
    from flask import Flask, request
    from flask_socketio import SocketIO, join_room, leave_room

    app = Flask(__name__)
    io = SocketIO(app, async_mode="eventlet")
    ticking = {}

    @io.on("join")
    def join(room):
        join_room(room)

    @io.on("leave")
    def leave(room):
        leave_room(room)

    @io.on("echo")
    def echo(*args):
        return args

    @io.on("room")
    def room(name, event, data, *rest):
        io.emit(event, data, to=name, skip_sid=request.sid if others(rest) else None)

    @io.on("all")
    def everyone(event, data, *rest):
        io.emit(event, data, skip_sid=request.sid if others(rest) else None)

    @io.on("tick")
    def tick(event, data, milliseconds, count):
        sid = request.sid
        ticking[sid] = mine = object()

        def run():
            for _ in range(count):
                if ticking.get(sid) is not mine:
                    return
                io.emit(event, data, to=sid)
                io.sleep(milliseconds / 1000)

        io.start_background_task(run)

    @io.on("disconnect")
    def disconnect():
        ticking.pop(request.sid, None)

    ready(listener)
    eventlet.wsgi.server(GreenSocket(listener), app, log_output=False)


def aiohttp(listener):
    import asyncio

    import socketio
    from aiohttp import web

    io = socketio.AsyncServer(async_mode="aiohttp")
    app = web.Application()
    io.attach(app)
    ticking = {}

    @io.event
    async def join(sid, room):
        io.enter_room(sid, room)

    @io.event
    async def leave(sid, room):
        io.leave_room(sid, room)

    @io.event
    async def echo(sid, *args):
        return args

    @io.event
    async def room(sid, name, event, data, *rest):
        await io.emit(event, data, to=name, skip_sid=sid if others(rest) else None)

    @io.on("all")
    async def everyone(sid, event, data, *rest):
        await io.emit(event, data, skip_sid=sid if others(rest) else None)

    @io.event
    async def tick(sid, event, data, milliseconds, count):
        ticking[sid] = mine = object()

        async def run():
            for _ in range(count):
                if ticking.get(sid) is not mine:
                    return
                await io.emit(event, data, to=sid)
                await io.sleep(milliseconds / 1000)

        io.start_background_task(run)

    @io.event
    async def disconnect(sid):
        ticking.pop(sid, None)

    async def serve():
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        ready(listener)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
