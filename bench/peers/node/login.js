// What the small chat servers share: a login that asks for a name, and starting and ending.
import { createHmac } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { parseArgs } from 'node:util';

const sign = (name) => createHmac('sha256', 'not a secret').update(name).digest('base64url');

// login answers POST /login {"user": NAME} with {"token": TOKEN} and GET /account with the account.
export function login(account) {
  return async (request, response) => {
    const answer = (status, value) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (request.url === '/account') return answer(200, account);
    if (request.url !== '/login' || request.method !== 'POST') return answer(404, { error: 'not found' });
    let text = '';
    for await (const part of request) text += part;
    const { user } = JSON.parse(text);
    account.logins++;
    return answer(200, { token: `${user}.${sign(user)}` });
  };
}

// login.user returns the name in a token, undefined when it is forged.
login.user = (token) => {
  const [name, signature] = (token ?? '').split('.');
  return name && signature === sign(name) ? name : undefined;
};

// listen serves on --port, prints the address, and ends on SIGTERM, SIGINT, or the end of a piped
// standard input.
export function listen(http, end) {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });
  http.listen(Number(values.port), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${http.address().port}`));
  const stop = () => {
    end();
    http.close();
    http.closeAllConnections();
    setTimeout(() => process.exit(0), 200); // what was written has left by then
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  if (fstatSync(0).isFIFO() || fstatSync(0).isSocket()) process.stdin.on('end', stop).resume();
}
