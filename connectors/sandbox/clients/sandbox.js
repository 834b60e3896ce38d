// The simulated tenant as the tests see it: how to reach it, and its control API.

import { readFile } from 'node:fs/promises';

if (!process.env.USHER_SANDBOX_READY) {
  throw new Error('no simulated tenant: run these tests by `npm test`, which starts one');
}

/** The content of the ready file. */
export const ready = JSON.parse(await readFile(process.env.USHER_SANDBOX_READY, 'utf8'));

/** The scope that a token for the tenant's Graph is asked for with. */
export const scope = `${ready.url}/.default`;

async function control(method, path, body) {
  const response = await fetch(ready.control + path, { method, body: body && JSON.stringify(body) });
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }
  return response.text();
}

/** Lets the next requests that fit meet a fault; see POST /faults/once. */
export const giveOnce = (fault) => control('POST', '/faults/once', fault);

/** Replaces the settings of faults; see PUT /faults. */
export const setFaults = (settings) => control('PUT', '/faults', settings);

/** Clears the settings of faults and the faults that nobody met. */
export const clearFaults = () => control('DELETE', '/faults');

/** Replaces what is wrong with the key vault; see PUT /vault. */
export const setVault = (trouble) => control('PUT', '/vault', trouble);

/** Puts a secret into the key vault and returns its version. */
export const putSecret = async (name, secret) => JSON.parse(await control('PUT', `/vault/secrets/${name}`, secret));

/** Starts the counters anew. */
export const resetCounters = () => control('DELETE', '/counters');

/** How many requests to a path had each status, since the counters were reset. */
export async function statusesOf(path) {
  return JSON.parse(await control('GET', '/counters')).requests[path] ?? {};
}

/** All objects of an entity as they are, by id: what a client must come to. */
export async function snapshot(entity) {
  const lines = (await control('GET', `/snapshot/${entity}`)).trimEnd().split('\n');
  return new Map(lines.map((line) => JSON.parse(line)).map((object) => [object.id, object]));
}
