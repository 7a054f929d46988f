import { hex } from '../support/bytes';
import type { CurveName } from '../support/keys';

export interface EcdsaKey {
  readonly source: string;
  readonly curve: CurveName;
  readonly value: Buffer;
  readonly point: Buffer;
  /** Signatures of "sample" or "test": r followed by s. */
  readonly signatures: readonly {
    readonly hash: 'SHA1' | 'SHA224' | 'SHA256' | 'SHA384' | 'SHA512';
    readonly message: string;
    readonly signature: Buffer;
  }[];
}

export const ECDSA: readonly EcdsaKey[] = [
  {
    source: 'RFC 6979, A.2.5',
    curve: 'P-256',
    value: hex(`
    c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721`),
    point: hex(`
    0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc
    64f2f1b20c2d7e9f5177a3c294d4462299`),
    signatures: [
      {
        hash: 'SHA1',
        message: 'sample',
        signature: hex(`
    61340c88c3aaebeb4f6d667f672ca9759a6ccaa9fa8811313039ee4a35471d326d7f147dac089441bb2e2fe8f7a3fa26
    4b9c475098fdcf6e00d7c996e1b8b7eb`),
      },
      {
        hash: 'SHA224',
        message: 'sample',
        signature: hex(`
    53b2fff5d1752b2c689df257c04c40a587fababb3f6fc2702f1343af7ca9aa3fb9afb64fdc03dc1a131c7d2386d11e34
    9f070aa432a4acc918bea988bf75c74c`),
      },
      {
        hash: 'SHA256',
        message: 'sample',
        signature: hex(`
    efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65
    f3e900dbb9aff4064dc4ab2f843acda8`),
      },
      {
        hash: 'SHA256',
        message: 'test',
        signature: hex(`
    f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367019f4113742a2b14bd25926b49c64915
    5f267e60d3814b4c0cc84250e46f0083`),
      },
      {
        hash: 'SHA384',
        message: 'sample',
        signature: hex(`
    0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef77194861f0491e6998b9455193e34e7b0d28
    4ddd7149a74b95b9261f13abde940954`),
      },
      {
        hash: 'SHA384',
        message: 'test',
        signature: hex(`
    83910e8b48bb0c74244ebdf7f07a1c5413d61472bd941ef3920e623fbccebeb68ddbec54cf8cd5874883841d712142a5
    6a8d0f218f5003cb0296b6b509619f2c`),
      },
      {
        hash: 'SHA512',
        message: 'sample',
        signature: hex(`
    8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f002362ab1adbe2b8adf9cb9edab740ea60
    49c028114f2460f96554f61fae3302fe`),
      },
      {
        hash: 'SHA512',
        message: 'test',
        signature: hex(`
    461d93f31b6540894788fd206c07cfa0cc35f46fa3c91816fff1040ad1581a0439af9f15de0db8d97e72719c74820d30
    4ce5226e32dedae67519e840d1194e55`),
      },
    ],
  },
  {
    source: 'RFC 6979, A.2.6',
    curve: 'P-384',
    value: hex(`
    6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5`),
    point: hex(`
    04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc
    138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd25332647
    20`),
    signatures: [
      {
        hash: 'SHA1',
        message: 'sample',
        signature: hex(`
    ec748d839243d6fbef4fc5c4859a7dffd7f3abddf72014540c16d73309834fa37b9ba002899f6fda3a4a9386790d4eb2
    a3bcfa947beef4732bf247ac17f71676cb31a847b9ff0cbc9c9ed4c1a5b3facf26f49ca031d4857570ccb5ca4424a443`),
      },
      {
        hash: 'SHA224',
        message: 'sample',
        signature: hex(`
    42356e76b55a6d9b4631c865445dbe54e056d3b3431766d0509244793c3f9366450f76ee3de43f5a125333a6be060122
    9da0c81787064021e78df658f2fbb0b042bf304665db721f077a4298b095e4834c082c03d83028efbf93a3c23940ca8d`),
      },
      {
        hash: 'SHA256',
        message: 'sample',
        signature: hex(`
    21b13d1e013c7fa1392d03c5f99af8b30c570c6f98d4ea8e354b63a21d3daa33bde1e888e63355d92fa2b3c36d8fb2cd
    f3aa443fb107745bf4bd77cb3891674632068a10ca67e3d45db2266fa7d1feebefdc63eccd1ac42ec0cb8668a4fa0ab0`),
      },
      {
        hash: 'SHA256',
        message: 'test',
        signature: hex(`
    6d6defac9ab64dabafe36c6bf510352a4cc27001263638e5b16d9bb51d451559f918eedaf2293be5b475cc8f0188636b
    2d46f3becbcc523d5f1a1256bf0c9b024d879ba9e838144c8ba6baeb4b53b47d51ab373f9845c0514eefb14024787265`),
      },
      {
        hash: 'SHA384',
        message: 'sample',
        signature: hex(`
    94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46
    99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8`),
      },
      {
        hash: 'SHA384',
        message: 'test',
        signature: hex(`
    8203b63d3c853e8d77227fb377bcf7b7b772e97892a80f36ab775d509d7a5feb0542a7f0812998da8f1dd3ca3cf023db
    ddd0760448d42d8a43af45af836fce4de8be06b485e9b61b827c2f13173923e06a739f040649a667bf3b828246baa5a5`),
      },
      {
        hash: 'SHA512',
        message: 'sample',
        signature: hex(`
    ed0959d5880ab2d869ae7f6c2915c6d60f96507f9cb3e047c0046861da4a799cfe30f35cc900056d7c99cd7882433709
    512c8cceee3890a84058ce1e22dbc2198f42323ce8aca9135329f03c068e5112dc7cc3ef3446defceb01a45c2667fdd5`),
      },
      {
        hash: 'SHA512',
        message: 'test',
        signature: hex(`
    a0d5d090c9980faf3c2ce57b7ae951d31977dd11c775d314af55f76c676447d06fb6495cd21b4b6e340fc236584fb277
    976984e59b4c77b0e8e4460dca3d9f20e07b9bb1f63beefaf576f6b2e8b224634a2092cd3792e0159ad9cee37659c736`),
      },
    ],
  },
  {
    source: 'RFC 6979, A.2.7',
    curve: 'P-521',
    value: hex(`
    00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc
    1466f6d8fbec67db89ec0c08b0e996b83538`),
    point: hex(`
    0401894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b5d5370a7f20fb6
    33155d38ffa16d2bd761dcac474b9a2f5023a400493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d663
    0f746a28a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5`),
    signatures: [
      {
        hash: 'SHA1',
        message: 'sample',
        signature: hex(`
    00343b6ec45728975ea5cba6659bbb6062a5ff89eea58be3c80b619f322c87910fe092f7d45bb0f8eee01ed3f20babec
    079d202ae677b243ab40b5431d497c55d75d00e7b0e675a9b24413d448b8cc119d2bf7b2d2df032741c096634d6d65d0
    dbe3d5694625fb9e8104d3b842c1b0e2d0b98bea19341e8676aef66ae4eba3d5475d5d16`),
      },
      {
        hash: 'SHA224',
        message: 'sample',
        signature: hex(`
    01776331cfcdf927d666e032e00cf776187bc9fdd8e69d0dabb4109ffe1b5e2a30715f4cc923a4a5e94d2503e9acfed9
    2857b7f31d7152e0f8c00c15ff3d87e2ed2e0050cb5265417fe2320bbb5a122b8e1a32bd699089851128e360e620a30c
    7e17ba41a666af126ce100e5799b153b60528d5300d08489ca9178fb610a2006c254b41f`),
      },
      {
        hash: 'SHA256',
        message: 'sample',
        signature: hex(`
    01511bb4d675114fe266fc4372b87682baecc01d3cc62cf2303c92b3526012659d16876e25c7c1e57648f23b73564d67
    f61c6f14d527d54972810421e7d87589e1a7004a171143a83163d6df460aaf61522695f207a58b95c0644d87e52aa1a3
    47916e4f7a72930b1bc06dbe22ce3f58264afd23704cbb63b29b931f7de6c9d949a7ecfc`),
      },
      {
        hash: 'SHA256',
        message: 'test',
        signature: hex(`
    000e871c4a14f993c6c7369501900c4bc1e9c7b0b4ba44e04868b30b41d8071042eb28c4c250411d0ce08cd197e4188e
    a4876f279f90b3d8d74a3c76e6f1e4656aa800cd52dbaa33b063c3a6cd8058a1fb0a46a4754b034fcc644766ca14da8c
    a5ca9fde00e88c1ad60ccba759025299079d7a427ec3cc5b619bfbc828e7769bcd694e86`),
      },
      {
        hash: 'SHA384',
        message: 'sample',
        signature: hex(`
    01ea842a0e17d2de4f92c15315c63ddf72685c18195c2bb95e572b9c5136ca4b4b576ad712a52be9730627d16054ba40
    cc0b8d3ff035b12ae75168397f5d50c6745101f21a3cee066e1961025fb048bd5fe2b7924d0cd797babe0a83b66f1e35
    eeaf5fde143fa85dc394a7dee766523393784484bdf3e00114a1c857cde1aa203db65d61`),
      },
      {
        hash: 'SHA384',
        message: 'test',
        signature: hex(`
    014bee21a18b6d8b3c93fab08d43e739707953244fdbe924fa926d76669e7ac8c89df62ed8975c2d8397a65a49dcc09f
    6b0ac62272741924d479354d74ff6075578c0133330865c067a0eaf72362a65e2d7bc4e461e8c8995c3b6226a21bd1aa
    78f0ed94fe536a0dca35534f0cd1510c41525d163fe9d74d134881e35141ed5e8e95b979`),
      },
      {
        hash: 'SHA512',
        message: 'sample',
        signature: hex(`
    00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b53
    4931d7d4e8455cc91f9b15bf05ec36e377fa00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b
    68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a`),
      },
      {
        hash: 'SHA512',
        message: 'test',
        signature: hex(`
    013e99020abf5cee7525d16b69b229652ab6bdf2affcaef38773b4b7d08725f10cdb93482fdcc54edcee91eca4166b2a
    7c6265ef0ce2bd7051b7cef945babd47ee6d01fbd0013c674aa79cb39849527916ce301c66ea7ce8b80682786ad60f98
    f7e78a19ca69eff5c57400e3b3a0ad66ce0978214d13baf4e9ac60752f7b155e2de4dce3`),
      },
    ],
  },
];
