// Starts a simulated tenant, runs the tests of this folder against it and stops it.
// USHER_SANDBOX is the path of usher-sandbox; arguments go to node's test runner.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

if (!process.env.USHER_SANDBOX) {
  console.error('run.js: set USHER_SANDBOX to the path of usher-sandbox');
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'usher-clients-'));
const files = {
  ready: join(folder, 'ready.json'),
  ca: join(folder, 'ca.pem'),
  certificate: join(folder, 'client.pem'),
  federated: join(folder, 'federated.jwt'),
};

const sandbox = spawn(process.env.USHER_SANDBOX, [
  'serve', '--listen', '127.0.0.1:0', '--ready-file', files.ready,
  '--ca-file', files.ca, '--client-certificate', files.certificate,
  '--federated-token', files.federated, '--imds-listen', '127.0.0.1:0',
  // Small pages, so that there are many of them.
  '--users', '450', '--groups', '40', '--memberships', '2000', '--page-size', '40', '--page-links', '60',
], { stdio: ['ignore', 'pipe', 'inherit'] });
const ended = once(sandbox, 'close');

try {
  // It prints once it can be reached; the ready file is there before that.
  await Promise.race([
    once(sandbox.stdout, 'data'),
    ended.then(([code]) => { throw new Error(`usher-sandbox ended with ${code}`); }),
  ]);
  sandbox.stdout.resume();

  // Node reads NODE_EXTRA_CA_CERTS when it starts, hence a process of its own. The files
  // run one after another: the faults that one asks for must not meet another's requests.
  const tests = spawn(process.execPath, [
    '--test', '--test-reporter=spec', '--test-concurrency=1', '--test-timeout=60000', ...process.argv.slice(2),
  ], {
    cwd: import.meta.dirname,
    env: {
      ...process.env,
      NODE_EXTRA_CA_CERTS: files.ca,
      NO_PROXY: '127.0.0.1', // @azure/identity goes by HTTPS_PROXY
      USHER_SANDBOX_READY: files.ready,
    },
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: 300_000,
  });
  const [code] = await once(tests, 'close');
  process.exitCode = code ?? 1;
} finally {
  sandbox.kill();
  await ended.catch(() => {}); // it did not start, which was told above
  await rm(folder, { recursive: true, force: true });
}
