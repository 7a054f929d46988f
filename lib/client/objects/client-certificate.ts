import type { X509Certificate } from 'node:crypto';
import type { Certificate } from '../../model/objects/certificate';
import type { OperationOptions } from '../client-types';
import { ClientObject } from './client-object';
import type { ClientPrivateKey } from './client-private-key';
import type { ClientPublicKey } from './client-public-key';
import { relatedClientObject, relatedClientObjects } from './related-client-objects';

/** A certificate, which is read on any free session. */
export class ClientCertificate extends ClientObject {
  /** Returns the certificate as an X509Certificate of node:crypto; see Certificate.toX509. */
  toX509(options?: OperationOptions): Promise<X509Certificate> {
    return this.use('toX509', { callerOptions: options, repeatable: true }, (object) =>
      (object as Certificate).toX509(),
    );
  }

  /** Finds the public key object of this certificate on the token; see Certificate.publicKey. */
  publicKey(options?: OperationOptions): Promise<ClientPublicKey> {
    return relatedClientObject(this, 'publicKey', options, (object) => (object as Certificate).publicKey());
  }

  /** Finds the private key of this certificate on the token; see Certificate.privateKey. */
  privateKey(options?: OperationOptions): Promise<ClientPrivateKey> {
    return relatedClientObject(this, 'privateKey', options, (object) => (object as Certificate).privateKey());
  }

  /** Returns this certificate and its issuers on the token; see Certificate.certificateChain. */
  certificateChain(options?: OperationOptions): Promise<ClientCertificate[]> {
    return relatedClientObjects(this, 'certificateChain', options, (object) =>
      (object as Certificate).certificateChain(),
    );
  }
}
