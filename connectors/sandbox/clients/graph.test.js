// @microsoft/microsoft-graph-client: lists, single objects, delta queries, errors, retries.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, suite, test } from 'node:test';

import { ClientSecretCredential } from '@azure/identity';
import { Client, PageIterator } from '@microsoft/microsoft-graph-client';
import {
  TokenCredentialAuthenticationProvider,
} from '@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js';

import { clearFaults, giveOnce, ready, resetCounters, scope, setFaults, snapshot, statusesOf } from './sandbox.js';

const credential = new ClientSecretCredential(ready.tenantId, ready.clientId, ready.clientSecret,
  { authorityHost: ready.authority, disableInstanceDiscovery: true });

const client = Client.initWithMiddleware({
  baseUrl: ready.url,
  // The client sends a token to no host that it was not told of.
  customHosts: new Set([new URL(ready.url).hostname]),
  authProvider: new TokenCredentialAuthenticationProvider(credential, { scopes: [scope] }),
});

/** Reads a list or a round of a delta query to its end. */
async function readAll(request) {
  const objects = [];
  const iterator = new PageIterator(client, await request.get(), (object) => {
    objects.push(object);
    return true;
  });
  await iterator.iterate();
  assert.ok(iterator.isComplete());
  return { objects, deltaLink: iterator.getDeltaLink() };
}

const users = await snapshot('user');
const groups = await snapshot('group');

suite('lists', () => {
  test('users over several pages', async () => {
    await resetCounters();
    const { objects } = await readAll(client.api('/users').select('id,displayName,userPrincipalName').top(100));
    assert.equal((await statusesOf('/v1.0/users'))[200], Math.ceil(users.size / 100));
    assert.equal(objects.length, users.size);
    for (const { id, displayName, userPrincipalName } of objects) {
      const { properties } = users.get(id);
      assert.deepEqual([displayName, userPrincipalName], [properties.displayName, properties.userPrincipalName]);
    }
  });

  test('users by a filter', async () => {
    const { objects } = await readAll(client.api('/users').filter("userType eq 'Guest'").select('id'));
    const guests = [...users.values()].filter(({ properties }) => properties.userType === 'Guest');
    assert.ok(guests.length > 0);
    assert.deepEqual(objects.map(({ id }) => id).sort(), guests.map(({ id }) => id));
  });

  test('the number of users', async () => {
    const first = await client.api('/users').header('ConsistencyLevel', 'eventual').count(true).top(1).get();
    assert.equal(first['@odata.count'], users.size);
    const count = await client.api('/users/$count').header('ConsistencyLevel', 'eventual').get();
    assert.equal(Number(count), users.size);
  });

  test('members of a group', async () => {
    const [id, { links }] = [...groups].sort(([, a], [, b]) => b.links.members.length - a.links.members.length)[0];
    assert.ok(links.members.length > 100);
    const { objects } = await readAll(client.api(`/groups/${id}/members`).select('id').top(100));
    // v1.0 leaves out service principals.
    const hidden = await snapshot('servicePrincipal');
    assert.deepEqual(objects.map((member) => member.id).sort(), links.members.filter((member) => !hidden.has(member)));
    assert.ok(objects.every((member) => member['@odata.type'].startsWith('#microsoft.graph.')));
  });
});

suite('single objects', () => {
  test('a user by id', async () => {
    const [id, { properties }] = [...users][0];
    const user = await client.api(`/users/${id}`).select('displayName,userPrincipalName').get();
    assert.equal(user.userPrincipalName, properties.userPrincipalName);
  });

  test('a guest by a userPrincipalName with #', async () => {
    const guest = [...users.values()].find(({ properties }) => properties.userPrincipalName.includes('#EXT#@'));
    const user = await client.api(`/users/${encodeURIComponent(guest.properties.userPrincipalName)}`).get();
    assert.equal(user.id, guest.id);
  });

  test('the manager of a user', async () => {
    const [id, { links }] = [...users].find(([, user]) => user.links.manager.length > 0);
    const manager = await client.api(`/users/${id}/manager`).select('id,displayName').get();
    assert.deepEqual([manager.id], links.manager);
    assert.equal(manager['@odata.type'], '#microsoft.graph.user');
  });

  test('a user without a manager', async () => {
    const [id] = [...users].find(([, user]) => user.links.manager.length === 0);
    await assert.rejects(client.api(`/users/${id}/manager`).get(), { statusCode: 404, code: 'Request_ResourceNotFound' });
  });
});

suite('delta queries', () => {
  for (const { entity, truth, path, properties, relation } of [
    { entity: 'user', truth: users, path: '/users/delta', relation: 'manager',
      properties: ['displayName', 'userPrincipalName', 'department', 'accountEnabled', 'jobTitle'] },
    { entity: 'group', truth: groups, path: '/groups/delta', relation: 'members',
      properties: ['displayName', 'description', 'securityEnabled'] },
  ]) {
    test(`of ${entity}s comes to what there is`, async () => {
      const { objects, deltaLink } = await readAll(client.api(path).select([...properties, relation]));
      assert.ok(objects.length > truth.size, 'objects come more than once');
      const state = merge(objects, relation);
      assert.deepEqual([...state.keys()].sort(), [...truth.keys()]);
      for (const [id, object] of truth) {
        for (const name of properties) {
          assert.deepEqual(state.get(id).properties[name] ?? null, object.properties[name] ?? null, `${name} of ${id}`);
        }
        assert.deepEqual([...state.get(id).links].sort(), object.links[relation], `${relation} of ${id}`);
      }
      // Nothing has changed since: a further round is empty and ends in a link again.
      const next = await readAll(client.api(deltaLink));
      assert.deepEqual(next.objects, []);
      assert.ok(next.deltaLink);
    });
  }

  /** What a client knows after a round: the last state wins, links come and go one by one. */
  function merge(objects, relation) {
    const state = new Map();
    for (const object of objects) {
      if (object['@removed']) {
        state.delete(object.id);
        continue;
      }
      const known = state.get(object.id) ?? { properties: {}, links: new Set() };
      state.set(object.id, known);
      Object.assign(known.properties, object);
      for (const link of object[`${relation}@delta`] ?? []) {
        link['@removed'] ? known.links.delete(link.id) : known.links.add(link.id);
      }
    }
    return state;
  }
});

suite('errors', () => {
  afterEach(clearFaults);

  for (const [name, path, statusCode, code] of [
    ['an id that is not there', '/users/11111111-1111-1111-1111-111111111111', 404, 'Request_ResourceNotFound'],
    ['a userPrincipalName that is not there', '/users/nobody%40contoso.example', 404, 'Request_ResourceNotFound'],
    ['a property that is not there', '/users?$select=nothing', 400, 'BadRequest'],
    ['a segment that is not there', '/nothing', 400, 'BadRequest'],
    ['a page that is too large', '/users?$top=1000', 400, 'Request_UnsupportedQuery'],
  ]) {
    test(name, async () => {
      await assert.rejects(client.api(path).get(), assertGraphError(statusCode, code));
    });
  }

  test('a permission that is missing', async () => {
    await setFaults({ missingPermissions: ['User.Read.All', 'Directory.Read.All'] });
    await assert.rejects(client.api('/users').get(), assertGraphError(403, 'Authorization_RequestDenied'));
  });

  test('a delta link that is too old', async () => {
    const { deltaLink } = await readAll(client.api('/devices/delta').select('displayName'));
    for (const [form, statusCode, code] of [
      ['gone', 410, 'SyncStateNotFound'],
      ['syncStateNotFound', 400, 'syncStateNotFound'],
      ['resyncRequired', 410, 'resyncRequired'],
      ['deltaLink', 400, 'Request_UnsupportedQuery'],
    ]) {
      await giveOnce({ fault: 'expireDelta', path: '/devices', form });
      await assert.rejects(client.api(deltaLink).get(), assertGraphError(statusCode, code));
    }
  });

  test('no token', async () => {
    const stranger = Client.init({
      baseUrl: ready.url, customHosts: new Set([new URL(ready.url).hostname]), authProvider: (done) => done(null, 'none'),
    });
    await assert.rejects(stranger.api('/users').get(), assertGraphError(401, 'InvalidAuthenticationToken'));
  });

  /** Checks what the client made of an error's body. */
  function assertGraphError(statusCode, code) {
    return (error) => {
      assert.equal(error.constructor.name, 'GraphError');
      assert.deepEqual([error.statusCode, error.code], [statusCode, code]);
      assert.ok(error.message);
      assert.match(error.requestId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      assert.ok(Math.abs(error.date - Date.now()) < 24 * 3600 * 1000, String(error.date));
      return true;
    };
  }
});

suite('retries', () => {
  const path = '/v1.0/organization';
  beforeEach(resetCounters);
  afterEach(clearFaults);

  for (const [fault, status] of [['throttle', 429], ['unavailable', 503], ['gatewayTimeout', 504]]) {
    test(`after ${status}`, async () => {
      await giveOnce({ fault, path, times: 3, retryAfter: '0.02' });
      const { value } = await client.api('/organization').get();
      assert.equal(value[0].id, ready.tenantId);
      assert.deepEqual(await statusesOf(path), { 200: 1, [status]: 3 });
    });
  }

  test('after 429 with a date', async () => {
    await giveOnce({ fault: 'throttle', path, retryAfter: 'date' });
    await client.api('/organization').get();
    assert.deepEqual(await statusesOf(path), { 200: 1, 429: 1 });
  });

  test('no more than three times', async () => {
    await giveOnce({ fault: 'throttle', path, times: 4, retryAfter: '0.02' });
    await assert.rejects(client.api('/organization').get(), { statusCode: 429, code: 'TooManyRequests' });
    assert.deepEqual(await statusesOf(path), { 429: 4 });
  });

  test('in the middle of a list and of a delta query', async () => {
    await giveOnce({ fault: 'throttle', path: '/v1.0/users', skip: 2, times: 2, retryAfter: '0.02' });
    const list = await readAll(client.api('/users').select('id').top(100));
    assert.equal(list.objects.length, users.size);
    assert.equal((await statusesOf('/v1.0/users'))[429], 2);
    await giveOnce({ fault: 'throttle', path: '/v1.0/users/delta', skip: 3, times: 3, retryAfter: '0.02' });
    const round = await readAll(client.api('/users/delta').select('id'));
    assert.ok(round.deltaLink);
    assert.equal((await statusesOf('/v1.0/users/delta'))[429], 3);
  });
});
