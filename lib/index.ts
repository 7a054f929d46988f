/**
 * `cryptoki`: PKCS#11 as its specification models it. Module, Slot, Token, Session and objects, with the rules of
 * login and lifetime. `cryptoki/raw` has the functions themselves.
 */
export {
  type AllAttributeValues,
  type AttributeName,
  type Attributes,
  registerAttribute,
  type VendorAttributeKind,
  type VendorAttributes,
} from './attributes';
export type { BatchOptions } from './batch/batch';
export type { BatchOutcome, CipherInput, Messages, SignedMessage } from './batch/operations';
export { type BatchItem, BatchResults } from './batch/results';
export type { ModelBatchOptions } from './batch/sessions';
export type { BreakerState } from './client/circuit-breaker';
export { Client } from './client/client';
export {
  ClientCertificate,
  ClientPrivateKey,
  ClientPublicKey,
  ClientSecretKey,
} from './client/client-key';
export { ClientObject } from './client/client-object';
export type { ClientEvents, ClientStatistics, Health, OperationOptions } from './client/client-types';
export { connect } from './client/connect';
export { ClientGroup, type GroupEvents, type GroupHealth, type GroupStatistics } from './client/group';
export { GroupCertificate, GroupPrivateKey, GroupPublicKey, GroupSecretKey } from './client/group-key';
export { GroupMember, type MemberHealth, type MemberStatistics } from './client/group-member';
export { GroupObject } from './client/group-object';
export type { GroupOptions, GroupStrategy, GroupTarget } from './client/group-options';
export type { LogoutReason } from './client/login-keeper';
export type { ConnectOptions, ConnectTarget } from './client/options';
export type { PoolStatistics } from './client/pool';
export type { RecoveryLevel } from './client/recovery';
export type { LoginTrace, OperationTrace, PoolTrace, RecoveryTrace } from './client/trace';
export { constantName, constantValue } from './constants';
export { type Action, CryptokiError, isCode, type OwnCode } from './errors';
export type { AttributeInputs, AttributeValues, Named } from './generated/attributes';
export {
  type Access,
  type ObjectKind,
  SESSION_STATES,
  type StateDescription,
  type StateName,
} from './generated/session-states';
export { httpsAgent, type TlsKey, tlsOptions } from './keyobject/agents';
export type { KeyObjectOptions, PublicHalf } from './keyobject/public-half';
export type { ForceOptions, LoginOptions } from './login';
export { CURVE_NAMES } from './mechanisms/curves';
export type { Ciphertext } from './mechanisms/made-iv';
export type { Algorithm, Mechanism, MechanismInput } from './mechanisms/mechanism';
export { Module, type ModuleInfo, type ModuleOptions } from './module';
export { Certificate } from './objects/certificate';
export type { ContextLogin } from './objects/context-login';
export { Data } from './objects/data';
export type { FindOptions } from './objects/find';
export type { KeyOptions, KeyPair, KeyPairOptions, KeyUsage } from './objects/generate';
export { Key, type KeyType } from './objects/key';
export { PrivateKey } from './objects/private-key';
export { PublicKey } from './objects/public-key';
export { SecretKey } from './objects/secret-key';
export { type ObjectClass, StorageObject } from './objects/storage-object';
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
export type { InitTokenOptions } from './pin-admin';
export type { BytesLike, InitializeOptions, LoadOptions, RawMechanism, RawVersion } from './raw/types';
export type { ObjectSelection, SearchSelection } from './selection';
export {
  type Pin,
  Session,
  type SessionEvents,
  type SessionInfo,
  type SessionOptions,
  type SessionState,
  type User,
} from './session';
export { type MechanismInfo, type MechanismName, Slot, type SlotInfo } from './slot';
export { CipherStream, DigestStream, SignStream, type StreamOptions, VerifyStream } from './streams';
export { type PinFlags, Token, type TokenEvents, type TokenInfo } from './token';
export type { TokenSelection, TokenSelector } from './token-selector';
export { equalUris, formatUri, matchesUri, type Pkcs11Uri, parseUri, type UriResource } from './uri';
export { type SlotEvent, SlotWatcher, type SlotWatcherEvents, type WatchOptions } from './watch';
