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
export { constantName, constantValue } from './constants';
export { type Action, CryptokiError, isCode, type OwnCode } from './errors';
export type { AttributeInputs, AttributeValues, Named } from './generated/attributes';
export { CURVE_NAMES } from './mechanisms/curves';
export type { Algorithm, Mechanism, MechanismInput } from './mechanisms/mechanism';
export { Module, type ModuleInfo, type ModuleOptions } from './module';
export { Certificate } from './objects/certificate';
export { Data } from './objects/data';
export type { FindOptions } from './objects/find';
export type { KeyOptions, KeyPair, KeyPairOptions, KeyUsage } from './objects/generate';
export { Key, type KeyType } from './objects/key';
export { PrivateKey } from './objects/private-key';
export { PublicKey } from './objects/public-key';
export { SecretKey } from './objects/secret-key';
export { type ObjectClass, StorageObject } from './objects/storage-object';
export type { BytesLike, InitializeOptions, LoadOptions, RawMechanism, RawVersion } from './raw/types';
export {
  type Pin,
  Session,
  type SessionInfo,
  type SessionOptions,
  type SessionState,
  type User,
} from './session';
export { type MechanismInfo, type MechanismName, Slot, type SlotInfo } from './slot';
export { Token, type TokenInfo } from './token';
export type { TokenSelector } from './token-selector';
