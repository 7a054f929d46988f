import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { base64url, hex, text } from '../support/bytes';

/** The parts of a private key with the exponent 65537. */
const jwk = (parts: Record<string, string>): JsonWebKey => ({
  ...{ kty: 'RSA', e: 'AQAB' },
  ...Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, value.replaceAll(/\s/g, '')])),
});

/** RFC 7520, section 3.4, figure 4. */
export const SIGNING_KEY: KeyObject = createPrivateKey({
  format: 'jwk',
  key: jwk({
    n: `
    n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZ
    QHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oB
    HqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVb
    b9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHd
    rNP5zw`,
    d: `
    bWUC9B-EFRIo8kpGfh0ZuyGPvMNKvYWNtB_ikiH9k20eT-O1q_I78eiZkpXxXQ0UTEs2LsNRS-8uJbvQ-A1i
    rkwMSMkK1J3XTGgdrhCku9gRldY7sNA_AKZGh-Q661_42rINLRCe8W-nZ34ui_qOfkLnK9QWDDqpaIsA-bMw
    WWSDFu2MUBYwkHTMEzLYGqOe04noqeq1hExBTHBOBdkMXiuFhUq1BU6l-DqEiWxqg82sXt2h-LMnT3046AOY
    JoRioz75tSUQfGCshWTBnP5uDjd18kKhyv07lhfSJdrPdM5Plyl21hsFf4L_mHCuoFau7gdsPfHPxxjVOcOp
    BrQzwQ`,
    p: `
    3Slxg_DwTXJcb6095RoXygQCAZ5RnAvZlno1yhHtnUex_fp7AZ_9nRaO7HX_-SFfGQeutao2TDjDAWU4Vupk
    8rw9JR0AzZ0N2fvuIAmr_WCsmGpeNqQnev1T7IyEsnh8UMt-n5CafhkikzhEsrmndH6LxOrvRJlsPp6Zv8bU
    q0k`,
    q: `
    uKE2dh-cTf6ERF4k4e_jy78GfPYUIaUyoSSJuBzp3Cubk3OCqs6grT8bR_cu0Dm1MZwWmtdqDyI95HrUeq3M
    P15vMMON8lHTeZu2lmKvwqW7anV5UzhM1iZ7z4yMkuUwFWoBvyY898EXvRD-hdqRxHlSqAZ192zB3pVFJ0s7
    pFc`,
    dp: `
    B8PVvXkvJrj2L-GYQ7v3y9r6Kw5g9SahXBwsWUzp19TVlgI-YV85q1NIb1rxQtD-IsXXR3-TanevuRPRt5OB
    OdiMGQp8pbt26gljYfKU_E9xn-RULHz0-ed9E9gXLKD4VGngpz-PfQ_q29pk5xWHoJp009Qf1HvChixRX59e
    hik`,
    dq: `
    CLDmDGduhylc9o7r84rEUVn7pzQ6PF83Y-iBZx5NT-TpnOZKF1pErAMVeKzFEl41DlHHqqBLSM0W1sOFbwTx
    YWZDm6sI6og5iTbwQGIC3gnJKbi_7k_vJgGHwHxgPaX2PnvP-zyEkDERuf-ry4c_Z11Cq9AqC2yeL6kdKT1c
    YF8`,
    qi: `
    3PiqvXQN0zwMeE-sBvZgi289XP9XCQF3VWqPzMKnIgQp7_Tugo6-NZBKCQsMf3HaEGBjTVJs_jcK8-TRXvaK
    e-7ZMaQj8VfBdYkssbu0NKDDhjJ-GtiseaDVWt7dcH0cfwxgFUHpQh7FoCrjFJ6h6ZEpMF6xmujs4qMpPz8a
    aI4`,
  }),
});

/** RFC 7516, appendix A.1.3. */
export const DECRYPTION_KEY: KeyObject = createPrivateKey({
  format: 'jwk',
  key: jwk({
    n: `
    oahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E-BVvxkeDNjbC4he8rUWcJoZmds2h7M70imEVhRU5djINX
    tqllXI4DFqcI1DgjT9LewND8MW2Krf3Spsk_ZkoFnilakGygTwpZ3uesH-PFABNIUYpOiN15dsQRkgr0vEhx
    N92i2asbOenSZeyaxziK72UwxrrKoExv6kc5twXTq4h-QChLOln0_mtUZwfsRaMStPs6mS6XrgxnxbWhojf6
    63tuEQueGC-FCMfra36C9knDFGzKsNa7LZK2djYgyD3JR_MB_4NUJW_TqOQtwHYbxevoJArm-L5StowjzGy-
    _bq6Gw`,
    d: `
    kLdtIj6GbDks_ApCSTYQtelcNttlKiOyPzMrXHeI-yk1F7-kpDxY4-WY5NWV5KntaEeXS1j82E375xxhWMHX
    yvjYecPT9fpwR_M9gV8n9Hrh2anTpTD93Dt62ypW3yDsJzBnTnrYu1iwWRgBKrEYY46qAZIrA2xAwnm2X7uG
    R1hghkqDp0Vqj3kbSCz1XyfCs6_LehBwtxHIyh8Ripy40p24moOAbgxVw3rxT_vlt3UVe4WO3JkJOzlpUf-K
    TVI2Ptgm-dARxTEtE-id-4OJr0h-K-VFs3VSndVTIznSxfyrj8ILL6MG_Uv8YAu7VILSB3lOW085-4qE3Dzg
    rTjgyQ`,
    p: `
    1r52Xk46c-LsfB5P442p7atdPUrxQSy4mti_tZI3Mgf2EuFVbUoDBvaRQ-SWxkbkmoEzL7JXroSBjSrK3YIQ
    gYdMgyAEPTPjXv_hI2_1eTSPVZfzL0lffNn03IXqWF5MDFuoUYE0hzb2vhrlN_rKrbfDIwUbTrjjgieRbwC6
    Cl0`,
    q: `
    wLb35x7hmQWZsWJmB_vle87ihgZ19S8lBEROLIsZG4ayZVe9Hi9gDVCOBmUDdaDYVTSNx_8Fyw1YYa9XGrGn
    Dew00J28cRUoeBB_jKI1oma0Orv1T9aXIWxKwd4gvxFImOWr3QRL9KEBRzk2RatUBnmDZJTIAfwTs0g68UZH
    vtc`,
    dp: `
    ZK-YwE7diUh0qR1tR7w8WHtolDx3MZ_OTowiFvgfeQ3SiresXjm9gZ5KLhMXvo-uz-KUJWDxS5pFQ_M0evdo
    1dKiRTjVw_x4NyqyXPM5nULPkcpU827rnpZzAJKpdhWAgqrXGKAECQH0Xt4taznjnd_zVpAmZZq60WPMBMfK
    cuE`,
    dq: `
    Dq0gfgJ1DdFGXiLvQEZnuKEN0UUmsJBxkjydc3j4ZYdBiMRAy86x0vHCjywcMlYYg4yoC4YZa9hNVcsjqA3F
    eiL19rk8g6Qn29Tt0cj8qqyFpz9vNDBUfCAiJVeESOjJDZPYHdHY8v1b-o-Z2X5tvLx-TCekf7oxyeKDUqKW
    jis`,
    qi: `
    VIMpMYbPf47dT1w_zDUXfPimsSegnMOA1zTaX7aGk_8urY6R8-ZW1FxU7AlWAyLWybqq6t16VFd7hQd0y6fl
    UK4SlOydB61gwanOsXGOAOv82cHq0E3eL4HrtZkUuKvnPrMnsUUFlfUdybVzxyjz9JF_XyaY14ardLSjf4L_
    FNY`,
  }),
});

/** RFC 7520, section 4, figure 8, in the encoding that is signed. */
const PAYLOAD = text(
  "It\u2019s a dangerous business, Frodo, going out your door. You step onto the road, and if you don't keep your feet, " +
    'there\u2019s no knowing where you might be swept off to.',
).toString('base64url');

/** The input of a JWS signature: the encoded header and payload. */
const jws = (algorithm: string): Buffer => {
  const header = `{"alg":"${algorithm}","kid":"bilbo.baggins@hobbiton.example"}`;
  return text(`${text(header).toString('base64url')}.${PAYLOAD}`);
};

export interface RsaSignature {
  readonly source: string;
  readonly kind: 'PKCS1' | 'PSS';
  readonly hash: 'SHA1' | 'SHA224' | 'SHA256' | 'SHA384' | 'SHA512';
  /** Salt of PSS. Without a salt, and with PKCS1, exactly one signature is right. */
  readonly saltLength: number;
  readonly message: Buffer;
  readonly signature: Buffer;
}

const unsalted = (hash: RsaSignature['hash'], signature: string): RsaSignature => ({
  ...{
    source: 'computed by node:crypto with the key of RFC 7520, 3.4; no salt',
    kind: 'PSS',
    hash,
    saltLength: 0,
  },
  ...{ message: text(PAYLOAD), signature: base64url(signature) },
});

export const RSA_SIGNATURES: readonly RsaSignature[] = [
  {
    ...{
      source: 'RFC 7520, 4.1 (RS256)',
      kind: 'PKCS1',
      hash: 'SHA256',
      saltLength: 0,
      message: jws('RS256'),
    },
    signature: base64url(`
    MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996i
    vp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1u
    SNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAh
    b6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18
    kDquDg`),
  },
  {
    ...{
      source: 'RFC 7520, 4.2 (PS384)',
      kind: 'PSS',
      hash: 'SHA384',
      saltLength: 48,
      message: jws('PS384'),
    },
    signature: base64url(`
    cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqH
    CdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn
    442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0
    n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-
    X72Eaw`),
  },
  unsalted(
    'SHA256',
    `
    c5vcpjCAkYKTl-qC6Bte65zY-PmLGpPV6CPao0-l4saWsfqoE8Zmb53sCRTuyj0LHLOWqn61Pafmk2KzBoSO
    HyWRDGJbSGcilJrw5h_qZBu-JShLAziFcfQgfaMASO_Rq21ns-RVhJXhfabVmVlfTAYzu3_MArA1CPDO_KoH
    5xr4dx6iJxcM1O7ucSIuiAgYJws4CCspq9RYFDOqorwHzZ6w7ecOJYuc65GABrZQuJ-WOIbxaUr-J5pta_be
    dP0xu4my5S8Ysqbr2sRKnFLJcERxWFwHOQPaANiOib14nphOpwMHGek7KhpCF3KDBAoK3pJvA-5tNQc8OvGu
    lAFAeg`,
  ),
  unsalted(
    'SHA512',
    `
    V1lk4hzqldM1RY6BtH9wlNDUWM8_2keksAIioc4F6tUqoalQArmtinf5jQmvnXAqPFfwo4qUbRsOMcJglLvp
    CRbm8Y3l_tOIENKSo4M77P0CWb8xq25D2M_1tlaYLCu_-rmK1qL7CNOlJKzYQ_9PqD5s6CZmG31MwJsm8FeG
    1HbQEy24wOj3jWZdifNWOhnfPPEeBIfa8JIGWLZIyYot37K_blXeTWF00NZiaa1AKSORvNyZbynaMk3boHXr
    bfROIltEzOS0-xVxcB3p7yC1zcP-lmy2VoNrbJSmAWJT1gcFxL5jvRpycQU5WVWJ3u__Db7jhJDQaHj2e9oj
    aDT3zQ`,
  ),
];

/** The DigestInfo of PKCS#1 (RFC 8017, 9.2) before the digest; RFC 2313 has MD2. */
export const DIGEST_INFO = {
  MD2: hex('3020300c06082a864886f70d020205000410'),
  SHA256: hex('3031300d060960864801650304020105000420'),
} as const;

export interface RsaDecryption {
  readonly source: string;
  readonly algorithm: 'RSA-PKCS1' | { readonly name: string; readonly label?: Buffer };
  readonly plain: Buffer;
  readonly encrypted: Buffer;
}

/** The content encryption key of RFC 7516, A.1.2. */
const CEK = hex('b1a1f480548fe1733fb403ff6b9ad4f68a076e5b702e22692f82cb2e7aea40fc');
const computed = 'computed by node:crypto with the key of RFC 7516, A.1';

export const RSA_DECRYPTIONS: readonly RsaDecryption[] = [
  {
    ...{ source: 'RFC 7516, A.1.3', algorithm: { name: 'RSA-OAEP-SHA1' }, plain: CEK },
    encrypted: base64url(`
    OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr
    05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwa
    m_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv
    0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iG
    dXKHzg`),
  },
  {
    ...{ source: computed, algorithm: { name: 'RSA-OAEP-SHA1', label: text('label') }, plain: CEK },
    encrypted: base64url(`
    WFVFNf1U1twiCc4rNvz85yCpBDNwa1VP674VX7_QSMcmEK3bIAg7RXL44Gmpep9U4aJhKKMf1ofuSrpwtXkk
    fce_ul3UbuswqvVgVwMvi-dtfwzuob4YTdggykWXWQo1kE5pulPH_bnB2YrEHC5v2gyFO4HzATKzsZjHuj1n
    MajehQvD9AwCk1pmkRCGY8v7Q_aMCK_ujC8DUZgj9XXkaS9nrUrQ059SAIBJSbhVrVZuQnuo0MasbEQNwvU1
    qz6jD0ibgAMyCKbY5svYzOJ8xlnrp0Jluho_DWHx8l-MH0OXsg1OJ0oJqBa7F5Bz0M4aaTCswRi2ULJwssHs
    TBZzcw`),
  },
  {
    ...{ source: computed, algorithm: { name: 'RSA-OAEP-SHA256', label: text('label') }, plain: CEK },
    encrypted: base64url(`
    T7eRlHIgz_Vp2TQNbFv0IcBOwGWwrMop9qferFx1TFvAFEp9kpl-6JIahItYu_m55aY2sRDnQA_alVpkVcMr
    Zr7dfQO6Rg6VbH5D1Vt6ywish6O-GC-tTUSu1Ind0nPCT910ePLLN55tGLv2DHaqSJLj_O_TkuQPe_XM3aQk
    HvlwPCAtsvTictIExoDl__bvMzM0b1a8fRl5pvM9uvPsu9QrRlIyRlRQI0MBvB4IPdi0y58UFdcRqDJfiKNc
    NIudz9cionxaqDEhKmalGoB9staD-UxO4CU8D_15RN4C9XRgSUAlvsG8_r4YyCazn9YVflvRNeD8ROGqm4hW
    plE8Uw`),
  },
  {
    ...{ source: computed, algorithm: 'RSA-PKCS1', plain: CEK },
    encrypted: base64url(`
    laB33UwViRiD3L3bEjxWvtUXMLHWouy3dfAqprrVbnZBPU_PRxI3FxnbjvJaK8GFSXC-HUVgNgiG_U8LiD5J
    vTZj3jq627mLwBLpaFg6j7FrHcy40cmZGunH3InMfhX2WWuIzlib_DWnH38WwGk6BnItLDXw-HaxdBXs3gHN
    tmhrr3L2pqiZ52lgWtFdJ6W9sjjgQrdNFE5OGGgRYlI3tIdTnWEemiwT1mB2QWh9KJhg043iSqaDWKf86PUD
    _yB2VfBfd8R4yucd9TP7A9YYpE8wD48vfRkq-JNFpelGOtfTmAIcugjRMjlSjs3OPyk7L97sfpzy9piR4jDJ
    9hdLoA`),
  },
];
