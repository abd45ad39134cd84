// Package chat is a chat room with a web page: the application of the server to try first.
//
// A client logs in with a name that no other user has, and is in the room "lobby" then. It may join
// and leave other rooms, which exist while somebody is in them, say something in a room, whisper to
// a user, and show that it is typing. A request of a client is acknowledged with an object, which
// has a member "error", a sentence for the user, if it was refused:
//
//	login   {name, key?}     -> {name, key, users, rooms, joined}   key takes the name back later
//	join    {room}           -> {name, history}
//	leave   {room}           -> {}
//	say     {room, text}     -> {id}
//	whisper {to, text}       -> {id, away}
//	typing  {room or to, on} no acknowledgement
//
// The server sends to everybody who has logged in:
//
//	user    {name, state}    "here", "away" (the connection broke) or "gone"
//	room    {name, members}  0 members: the room is gone
//
// and to the users concerned:
//
//	message {id, room, from, text, at}    in a room, to the sender as well; at is in ms since 1970
//	whisper {id, to, from, text, at}      to both
//	typing  {room or to, from, on}        volatile: a busy client may miss it
//	login-required {}                     the client has come back too late, and must log in again
//
// With connection state recovery, which this application turns on, a client whose connection broke
// gets what it missed, whispers included, and its name is kept for it meanwhile. A user who joins a
// room anew gets its last messages.
//
// The page shows what users write as text alone: it never becomes markup.
package chat
