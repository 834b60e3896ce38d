// @azure/keyvault-secrets: secrets, their versions and what a vault refuses.

import assert from 'node:assert/strict';
import { afterEach, suite, test } from 'node:test';

import { ClientSecretCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';

import { putSecret, ready, setVault } from './sandbox.js';

const credential = new ClientSecretCredential(ready.tenantId, ready.clientId, ready.clientSecret,
  { authorityHost: ready.authority, disableInstanceDiscovery: true });

/** A client that gives up after so many retries; it waits hardly between them. */
const vault = (maxRetries) => new SecretClient(ready.vault, credential, {
  // The vault's address is none of Microsoft's.
  disableChallengeResourceVerification: true,
  retryOptions: { maxRetries, retryDelayInMs: 1, maxRetryDelayInMs: 1 },
});

suite('secrets', () => {
  afterEach(() => setVault({}));

  test('a secret and its versions', async () => {
    const { version } = await putSecret('Connections--Contoso--ApplicationKey', { value: 'one' });
    await putSecret('Connections--Contoso--ApplicationKey', { value: 'two', contentType: 'text/plain' });
    const secret = await vault(0).getSecret('connections--contoso--applicationkey');
    assert.deepEqual([secret.value, secret.properties.contentType, secret.properties.enabled], ['two', 'text/plain', true]);
    assert.equal((await vault(0).getSecret('Connections--Contoso--ApplicationKey', { version })).value, 'one');
  });

  test('a name that is not there', async () => {
    await assert.rejects(vault(0).getSecret('absent'), { statusCode: 404, code: 'SecretNotFound' });
  });

  test('a secret that is disabled', async () => {
    await putSecret('disabled', { value: 'x', enabled: false });
    await assert.rejects(vault(0).getSecret('disabled'), { statusCode: 403, code: 'Forbidden' });
  });

  for (const denied of ['rbac', 'policy', 'firewall']) {
    test(`access denied by ${denied}`, async () => {
      await setVault({ denied });
      await assert.rejects(vault(0).getSecret('any'), { statusCode: 403, code: 'Forbidden' });
    });
  }

  test('a vault that is busy for a while', async () => {
    await putSecret('busy', { value: 'x' });
    // This client tries again only when it is told when.
    await setVault({ throttled: 2, retryAfter: '0' });
    assert.equal((await vault(2).getSecret('busy')).value, 'x');
  });

  test('a vault that is down', async () => {
    await setVault({ down: 'unavailable' });
    await assert.rejects(vault(1).getSecret('any'), { statusCode: 503 });
    await setVault({ down: 'reset' });
    await assert.rejects(vault(1).getSecret('any'), { name: 'RestError' });
  });
});
