// Sign-in with a secret, a certificate, a federated token and a managed identity:
// @azure/identity, and the msal-node of another generation than the one inside it.

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { suite, test } from 'node:test';

import {
  ClientCertificateCredential, ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential,
} from '@azure/identity';
import { ConfidentialClientApplication } from '@azure/msal-node';

import { ready, scope } from './sandbox.js';

/** Asserts that Graph takes a token. */
async function assertGood(token) {
  const response = await fetch(`${ready.url}/v1.0/organization`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(response.status, 200);
  const { value } = await response.json();
  assert.equal(value[0].id, ready.tenantId);
}

suite('@azure/identity', () => {
  // The authority is not one of Microsoft's: there is nobody to ask whether it is real.
  const options = { authorityHost: ready.authority, disableInstanceDiscovery: true, retryOptions: { maxRetries: 0 } };

  test('a secret', async () => {
    const credential = new ClientSecretCredential(ready.tenantId, ready.clientId, ready.clientSecret, options);
    const { token, expiresOnTimestamp } = await credential.getToken(scope);
    assert.ok(expiresOnTimestamp > Date.now());
    await assertGood(token);
  });

  test('a certificate', async () => {
    const credential = new ClientCertificateCredential(ready.tenantId, ready.clientId, ready.certificateFile, options);
    await assertGood((await credential.getToken(scope)).token);
  });

  test('a certificate with its chain', async () => {
    const credential = new ClientCertificateCredential(ready.tenantId, ready.clientId, ready.certificateFile,
      { ...options, sendCertificateChain: true });
    await assertGood((await credential.getToken(scope)).token);
  });

  test('a federated token', async () => {
    const credential = new WorkloadIdentityCredential(
      { tenantId: ready.tenantId, clientId: ready.clientId, tokenFilePath: ready.federatedTokenFile, ...options });
    await assertGood((await credential.getToken(scope)).token);
  });

  test('a managed identity', async () => {
    process.env.AZURE_POD_IDENTITY_AUTHORITY_HOST = ready.imds;
    const credential = new ManagedIdentityCredential({ clientId: ready.managedClientId, retryOptions: { maxRetries: 0 } });
    const { token, expiresOnTimestamp } = await credential.getToken(scope);
    assert.ok(expiresOnTimestamp > Date.now());
    await assertGood(token);
  });

  for (const [name, secret, code] of [
    ['a wrong secret', 'wrong', 7000215],
    ['an expired secret', ready.expiredSecret, 7000222],
  ]) {
    test(name, async () => {
      const credential = new ClientSecretCredential(ready.tenantId, ready.clientId, secret, options);
      await assert.rejects(credential.getToken(scope), { message: new RegExp(`AADSTS${code}: `) });
    });
  }

  test('another tenant', async () => {
    const credential = new ClientSecretCredential('11111111-1111-1111-1111-111111111111', ready.clientId,
      ready.clientSecret, options);
    await assert.rejects(credential.getToken(scope), { message: /endpoints_resolution_error/ });
  });
});

suite('@azure/msal-node', async () => {
  const pem = await readFile(ready.certificateFile, 'utf8');
  const certificate = new X509Certificate(pem);
  const privateKey = /-----BEGIN PRIVATE KEY-----[^]+-----END PRIVATE KEY-----/.exec(pem)[0];

  const application = (credential, authority = `${ready.authority}/${ready.tenantId}`) =>
    new ConfidentialClientApplication({
      auth: { clientId: ready.clientId, authority, knownAuthorities: [new URL(ready.authority).host], ...credential },
    });

  for (const [name, credential] of [
    ['a secret', { clientSecret: ready.clientSecret }],
    ['a certificate, by its SHA-256 thumbprint',
      { clientCertificate: { thumbprintSha256: thumbprint('sha256'), privateKey } }],
    ['a certificate, by its SHA-1 thumbprint',
      { clientCertificate: { thumbprint: thumbprint('sha1'), privateKey } }],
    ['a certificate with its chain',
      { clientCertificate: { thumbprintSha256: thumbprint('sha256'), privateKey, x5c: certificate.toString() } }],
  ]) {
    test(name, async () => {
      const app = application(credential);
      const first = await app.acquireTokenByClientCredential({ scopes: [scope] });
      assert.equal(first.tokenType, 'Bearer');
      assert.equal(first.fromCache, false);
      await assertGood(first.accessToken);
      const again = await app.acquireTokenByClientCredential({ scopes: [scope] });
      assert.equal(again.fromCache, true);
      assert.equal(again.accessToken, first.accessToken);
    });
  }

  test('the domain as the tenant', async () => {
    const app = application({ clientSecret: ready.clientSecret }, `${ready.authority}/${ready.domain}`);
    await assertGood((await app.acquireTokenByClientCredential({ scopes: [scope] })).accessToken);
  });

  test('a wrong secret', async () => {
    const app = application({ clientSecret: 'wrong' });
    await assert.rejects(app.acquireTokenByClientCredential({ scopes: [scope] }),
      { errorCode: 'invalid_client', message: /AADSTS7000215: / });
  });

  function thumbprint(algorithm) {
    return createHash(algorithm).update(certificate.raw).digest('hex');
  }
});
