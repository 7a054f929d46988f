// Compiles when the types of cryptoki/pkcs11js are those of pkcs11js 2.1.7: each fits where the other is expected.
import * as ours from 'cryptoki/pkcs11js';
import type * as theirs from 'pkcs11js';

type Same<Ours, Theirs> = [Ours] extends [Theirs] ? ([Theirs] extends [Ours] ? true : 'narrower') : 'wider';

export const structures: [
  Same<ours.Handle, theirs.Handle>,
  Same<ours.Version, theirs.Version>,
  Same<ours.ModuleInfo, theirs.ModuleInfo>,
  Same<ours.SlotInfo, theirs.SlotInfo>,
  Same<ours.TokenInfo, theirs.TokenInfo>,
  Same<ours.MechanismInfo, theirs.MechanismInfo>,
  Same<ours.SessionInfo, theirs.SessionInfo>,
  Same<ours.Attribute, theirs.Attribute>,
  Same<ours.Template, theirs.Template>,
  Same<ours.AttributeResult, theirs.AttributeResult>,
  Same<ours.TemplateResult, theirs.TemplateResult>,
  Same<ours.Mechanism, theirs.Mechanism>,
  Same<ours.IParams, theirs.IParams>,
  Same<ours.KeyPair, theirs.KeyPair>,
  Same<ours.InitializationOptions, theirs.InitializationOptions>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true, true];

export const parameters: [
  Same<ours.ECDH1, theirs.ECDH1>,
  Same<ours.AesCBC, theirs.AesCBC>,
  Same<ours.AesCCM, theirs.AesCCM>,
  Same<ours.AesGCM, theirs.AesGCM>,
  Same<ours.RsaOAEP, theirs.RsaOAEP>,
  Same<ours.RsaPSS, theirs.RsaPSS>,
  Same<ours.Ecdh2Derive, theirs.Ecdh2Derive>,
  Same<ours.EcmqvDerive, theirs.EcmqvDerive>,
  Same<ours.X942DH1Derive, theirs.X942DH1Derive>,
  Same<ours.X942DH2Derive, theirs.X942DH2Derive>,
  Same<ours.X942MQvDeriveParams, theirs.X942MQvDeriveParams>,
  Same<ours.RC2CBCParams, theirs.RC2CBCParams>,
  Same<ours.RC2MACGeneralParams, theirs.RC2MACGeneralParams>,
  Same<ours.RC5Params, theirs.RC5Params>,
  Same<ours.RC5CBCParams, theirs.RC5CBCParams>,
  Same<ours.RC5MACGeneralParams, theirs.RC5MACGeneralParams>,
  Same<ours.DesCbcEncryptDataParams, theirs.DesCbcEncryptDataParams>,
  Same<ours.SkipjackPrivateWrapParams, theirs.SkipjackPrivateWrapParams>,
  Same<ours.SkipjackRelayXParams, theirs.SkipjackRelayXParams>,
  Same<ours.PbeParams, theirs.PbeParams>,
  Same<ours.KeyWrapSetOaepParams, theirs.KeyWrapSetOaepParams>,
  Same<ours.GcmParams, theirs.GcmParams>,
  Same<ours.CcmParams, theirs.CcmParams>,
  Same<ours.GostR3410DeriveParams, theirs.GostR3410DeriveParams>,
  Same<ours.GostR3410KeyWrapParams, theirs.GostR3410KeyWrapParams>,
] = [
  ...([true, true, true, true, true, true, true, true, true, true] as const),
  ...([true, true, true, true, true, true, true, true, true, true] as const),
  ...([true, true, true, true, true] as const),
];

type Constants<Package> = {
  [Name in keyof Package as Name extends `CK${string}` ? Name : never]: Package[Name];
};
export const constants: Constants<typeof theirs> = ours;
export const isNumber: Same<typeof ours.CKM_AES_CBC, number> = true;

/** Parameters and result of each method, in its last overload. */
type Calls<Package> = {
  [Name in keyof Package]: Package[Name] extends (...values: infer Values) => infer Result
    ? [Values, Result]
    : never;
};
/** The names of methods that refuse arguments of pkcs11js, or give another result. */
type Different<Ours, Theirs> = {
  [Name in keyof Theirs & keyof Ours]: [Ours[Name], Theirs[Name]] extends [
    [infer A, infer B],
    [infer C, infer D],
  ]
    ? [C, B] extends [A, D]
      ? never
      : Name
    : never;
}[keyof Theirs & keyof Ours];
export const different: Different<Calls<ours.PKCS11>, Calls<theirs.PKCS11>>[] = [];
export const none: Same<Different<Calls<ours.PKCS11>, Calls<theirs.PKCS11>>, never> = true;

export const library: theirs.PKCS11 = new ours.PKCS11();
export const error: theirs.Pkcs11Error = new ours.Pkcs11Error('CKR_OK', 0, 'C_Login');
