// Package chat is the classic chat room: the application of the server that people try first, with
// a web page of its own.
//
// A client logs in with a name that nobody else has, and is in the room "lobby" then. It may join
// and leave other rooms, which exist while somebody is in them, say something in a room, whisper to
// a person, and tell that it is typing. A request of a client is acknowledged with an object, which
// has a member "error", a sentence for a person, if it was refused:
//
//	login   {name, key?}     -> {name, key, people, rooms, room}   key takes the name back later
//	join    {room}           -> {name, history}
//	leave   {room}           -> {}
//	say     {room, text}     -> {id}
//	whisper {to, text}       -> {id, away}
//	typing  {room or to, on} no acknowledgement
//
// The server sends to everybody who has logged in:
//
//	person  {name, state}    "here", "away" (the connection broke) or "gone"
//	room    {name, members}  0 members: the room is gone
//
// and those whom it concerns:
//
//	message {id, room, from, text, at}    in a room, to the sender as well; at is in ms since 1970
//	whisper {id, to, from, text, at}      to both
//	typing  {room or to, from, on}        volatile: a busy client may miss it
//	stranger {}                           log in again: you have come back too late
//
// With connection state recovery, which this application turns on, a client whose connection broke
// gets what it missed, whispers included, and its name is kept for it meanwhile. A person who joins
// a room anew gets its last messages.
//
// The page never puts a text of a user into its document as anything but text.
package chat
