// A reporter for node's test runner: one JSON line for each finished test, for the Go test that runs it.
export default async function* report(source) {
  const names = [];
  for await (const { type, data } of source) {
    if (type === 'test:start') names.splice(data.nesting, Infinity, data.name);
    if (type === 'test:stderr') yield `${JSON.stringify({ note: data.message })}\n`;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const name = [...names.slice(0, data.nesting), data.name];
    const err = data.details?.error;
    const cause = err?.cause ?? err;
    const failure = type === 'test:pass' ? undefined : String(cause?.stack ?? cause);
    yield `${JSON.stringify({ name, suite: data.details?.type === 'suite', ms: data.details?.duration_ms, failure })}\n`;
  }
}
