// The web site around the chat: logging in, by a form as browsers do or by JSON as apps do, and
// what only a user may see.
import { randomBytes } from 'node:crypto';
import cookies from 'cookie-parser';
import express from 'express';
import jwt from 'jsonwebtoken';
import { byName } from './users.js';

const secret = process.env.SHOP_SECRET ?? 'not a secret: a shop for tests';

// identify returns the user of a token: {id, name, role}. It throws an Error when there is none, or
// it is forged or expired.
export function identify(token) {
  if (!token) throw new Error('log in first');
  const { sub: id, name, role } = jwt.verify(token, secret);
  return { id, name, role };
}

// session returns the token in the cookies of a handshake.
export function session(header = '') {
  const pair = header.split(/; */).find((text) => text.startsWith('session='));
  return pair && decodeURIComponent(pair.slice('session='.length));
}

// site is the Express application of a node. The cookie `node` tells nginx which node a browser has
// its sessions at.
export function site({ node, tokenLife, account }) {
  const app = express();
  app.disable('x-powered-by');
  app.use(cookies(), express.json(), express.urlencoded({ extended: false }), (req, res, next) => {
    if (!req.cookies.node) res.cookie('node', node, { httpOnly: true });
    next();
  });

  app.get('/login', (req, res) => {
    const csrf = randomBytes(12).toString('hex');
    res.cookie('csrf', csrf, { httpOnly: true, sameSite: 'lax' });
    res.type('html').send(`<!doctype html><title>Log in</title>
<form method="post"><input type="hidden" name="csrf" value="${csrf}">
<input name="user"><input name="password" type="password"><button>Log in</button></form>`);
  });

  app.post('/login', (req, res) => {
    const form = req.is('urlencoded');
    if (form && (!req.body.csrf || req.body.csrf !== req.cookies.csrf)) return res.status(403).send('the form is too old');
    const user = byName(req.body?.user ?? '');
    if (!user || user.password !== req.body.password) return res.status(401).json({ error: 'unknown user or wrong password' });
    account.logins++;
    const { id, name, role } = user;
    const token = jwt.sign({ sub: id, name, role }, secret, { expiresIn: tokenLife });
    res.cookie('session', token, { httpOnly: true, sameSite: 'lax' });
    return form ? res.redirect(303, '/me') : res.json({ token, user: { id, name, role } });
  });

  app.get('/me', (req, res) => {
    try {
      res.json(identify(req.get('authorization')?.replace(/^Bearer /, '') ?? req.cookies.session));
    } catch (err) {
      res.status(401).json({ error: err.message });
    }
  });

  app.get('/account', (req, res) => res.json(account));
  return app;
}
