// node users.js [USERS] [DEVICES] > devices.csv: a row for each device of each user, for a
// scenario's data:. The passwords are no secrets. User 1 is the administrator.
import { createHash } from 'node:crypto';
import { argv, exit, stderr, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';

// user returns the user of that number, or undefined.
export function user(id) {
  const n = Number(id);
  if (!Number.isInteger(n) || n < 1) return undefined;
  const password = createHash('sha256').update(`user ${n}`).digest('base64url').slice(0, 12);
  return { id: `u${n}`, name: `user${n}`, role: n === 1 ? 'admin' : 'member', password };
}

// byName finds the user that logs in.
export const byName = (name) => (/^user[1-9]\d*$/.test(name) ? user(name.slice(4)) : undefined);

if (argv[1] === fileURLToPath(import.meta.url)) {
  const [users, devices] = [Number(argv[2] ?? 1000), Number(argv[3] ?? 2)];
  if (![users, devices].every((n) => Number.isInteger(n) && n > 0)) {
    stderr.write('usage: node users.js [USERS] [DEVICES]\n');
    exit(2);
  }
  const rows = ['id,name,password,role,device'];
  for (let device = 1; device <= devices; device++) {
    for (let n = 1; n <= users; n++) {
      const u = user(n);
      rows.push([u.id, u.name, u.password, u.role, device].join());
    }
  }
  stdout.write(`${rows.join('\n')}\n`);
}
