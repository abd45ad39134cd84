// node users.js [ROWS] > users.csv: people for a scenario's data:, 20 000 of them by default. The tokens are no secrets.
import { createHash } from 'node:crypto';

const rows = Number(process.argv[2] ?? 20000);
if (!Number.isInteger(rows) || rows < 1) {
  console.error('usage: node users.js [ROWS]');
  process.exit(2);
}
const lines = ['id,name,token'];
for (let i = 1; i <= rows; i++) {
  lines.push(`${i},user${i},${createHash('sha256').update(`user${i}`).digest('base64url').slice(0, 24)}`);
}
process.stdout.write(lines.join('\n') + '\n');
