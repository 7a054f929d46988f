/**
 * `cryptoki`: the model of the PKCS#11 specification (Module, Slot, Token, Session and objects, with the rules of login and
 * lifetime), and `connect()`, a client that recovers from losses. `cryptoki/raw` has the C functions.
 */

export { Client } from './client/client';
export type { LoginTrace, OperationTrace, PoolTrace, RecoveryTrace } from './client/client-tracing';
export type { ClientEvents, ClientStatistics, Health, OperationOptions } from './client/client-types';
export { connect } from './client/connect';
export type { ConnectOptions, ConnectTarget } from './client/connect-options';
export type { LogoutReason } from './client/connection/login-keeper';
export type { RecoveryLevel } from './client/connection/recovery';
export type { BreakerState } from './client/group/circuit-breaker';
export { ClientGroup, type GroupEvents, type GroupHealth, type GroupStatistics } from './client/group/group';
export { GroupCertificate, GroupPrivateKey, GroupPublicKey, GroupSecretKey } from './client/group/group-key';
export { GroupMember, type MemberHealth, type MemberStatistics } from './client/group/group-member';
export { GroupObject } from './client/group/group-object';
export type { GroupOptions, GroupStrategy, GroupTarget } from './client/group/group-options';
export { ClientObject } from './client/objects/client-object';
export {
  ClientCertificate,
  type ClientKeyOfClass,
  ClientPrivateKey,
  ClientPublicKey,
  ClientSecretKey,
} from './client/objects/client-objects';
export type { PoolStatistics } from './client/pool/session-pool';
export { constantName, constantValue } from './core/constant-names';
export { type Action, CryptokiError, isCode, type OwnCode } from './core/errors';
export type { AttributeInputs, AttributeValues, Named } from './generated/attributes';
export {
  type Access,
  type ObjectKind,
  SESSION_STATES,
  type StateDescription,
  type StateName,
} from './generated/session-states';
export {
  type AllAttributeValues,
  type AttributeName,
  type Attributes,
  registerAttribute,
  type VendorAttributeKind,
  type VendorAttributes,
} from './model/attributes';
export type { PublicKeyFormat, PublicKeyFormats } from './model/export/public-key-formats';
export type { CertificateInput } from './model/import/certificate-input';
export type { ImportCertificateOptions } from './model/import/import-certificate';
export type { ImportKeyOptions } from './model/import/import-key';
export type { JsonWebKeyObject } from './model/import/json-web-key';
export type { KeyInput } from './model/import/key-input';
export type { ImportedClass, ImportUsage } from './model/import/key-usages';
export type { ContextLogin } from './model/login/context-login';
export type { ForceOptions, LoginOptions } from './model/login/login';
export type { InitTokenOptions } from './model/login/pin-admin';
export { CURVE_NAMES } from './model/mechanisms/curves';
export type { Ciphertext } from './model/mechanisms/made-iv';
export type { Algorithm, Mechanism, MechanismInput, MechanismName } from './model/mechanisms/mechanism';
export { Module, type ModuleInfo, type ModuleOptions } from './model/module';
export type { KeyObjectOptions, PublicHalf } from './model/native-keys/public-half';
export { Certificate } from './model/objects/certificate';
export type { KeyOfClass, KeyPair } from './model/objects/create-object';
export { Data } from './model/objects/data';
export type { FindOptions } from './model/objects/find-objects';
export type { KeyOptions, KeyPairOptions, KeyUsage } from './model/objects/generate-keys';
export type { KeyType, ObjectClass } from './model/objects/identity';
export { Key } from './model/objects/key';
export type {
  NewPrivateKeyOptions,
  NewSecretKeyOptions,
  UnwrapOptions,
  UnwrapPrivateKeyOptions,
  UnwrapSecretKeyOptions,
} from './model/objects/new-key';
export { PrivateKey } from './model/objects/private-key';
export { PublicKey } from './model/objects/public-key';
export { SecretKey } from './model/objects/secret-key';
export type { ObjectSelection, SearchSelection } from './model/objects/selection';
export { StorageObject } from './model/objects/storage-object';
export type { PeerKey } from './model/operations/agreement';
export type { BatchOptions } from './model/operations/batch/batch';
export type {
  BatchOutcome,
  CipherInput,
  Messages,
  SignedMessage,
} from './model/operations/batch/batch-operations';
export { type BatchItem, BatchResults } from './model/operations/batch/batch-results';
export type { ModelBatchOptions } from './model/operations/batch/batch-sessions';
export {
  CipherStream,
  DigestStream,
  SignStream,
  type StreamOptions,
  VerifyStream,
} from './model/operations/streams';
export {
  Session,
  type SessionEvents,
  type SessionInfo,
  type SessionOptions,
  type SessionState,
  type User,
} from './model/session';
export { type MechanismInfo, Slot, type SlotInfo } from './model/slot';
export {
  type SlotEvent,
  SlotWatcher,
  type SlotWatcherEvents,
  type WatchOptions,
} from './model/slots/slot-watcher';
export type { TokenSelection, TokenSelector } from './model/slots/token-selector';
export { Token, type TokenEvents } from './model/token';
export type { PinFlags, TokenInfo } from './model/token-info';
export {
  firstPin,
  type PinEnvironmentOptions,
  type PinFileOptions,
  type PinKeyringOptions,
  type PinPromptOptions,
  type PinProvider,
  type PinRequest,
  type PinUriOptions,
  pinFromEnvironment,
  pinFromFile,
  pinFromKeyring,
  pinFromPrompt,
  pinFromUri,
} from './pin';
export type { Pin } from './pin/pin';
export type { InitializeOptions, LoadOptions } from './raw/options';
export type { BytesLike, RawMechanism, RawVersion } from './raw/values';
export { httpsAgent, type TlsKey, tlsOptions } from './tls/agents';
export { equalUris, formatUri, matchesUri, type Pkcs11Uri, parseUri, type UriResource } from './uri';
