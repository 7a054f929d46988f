#include "openssl_provider/signature_context.h"

#include <algorithm>
#include <vector>

#include "openssl/parameters.h"
#include "openssl/rsa_padding.h"

namespace cryptoki::provider {
namespace {

using openssl::functions;
using openssl::OSSL_PARAM;

Failure unsupported(const std::string& what) {
  return Failure::ours("ERR_CRYPTOKI_UNSUPPORTED", what, "C_SignInit");
}

// Converts the signature of a token, r and s of `half` bytes each, to DER.
Bytes toDer(const Bytes& signature, std::size_t half) {
  std::string numbers;
  for (std::size_t i = 0; i < 2; ++i) {
    const unsigned char* from = signature.data() + i * half;
    const unsigned char* end = i == 0 ? from + half : signature.end();
    while (from + 1 < end && *from == 0) ++from;
    const bool pad = (*from & 0x80) != 0;
    numbers.push_back(0x02);
    numbers.push_back(static_cast<char>((end - from) + (pad ? 1 : 0)));  // less than 128 for any curve
    if (pad) numbers.push_back(0);
    numbers.append(reinterpret_cast<const char*>(from), static_cast<std::size_t>(end - from));
  }
  std::string whole = "\x30";
  if (numbers.size() >= 128) whole.push_back(static_cast<char>(0x81));
  whole.push_back(static_cast<char>(numbers.size()));
  whole += numbers;
  return {whole.data(), whole.size()};
}

// Some modules return ECDSA signatures in DER: a SEQUENCE of the encoded length.
bool isDer(const Bytes& signature) {
  if (signature.size() < 3 || signature.data()[0] != 0x30) return false;
  const std::size_t first = signature.data()[1];
  if (first < 0x80) return signature.size() == first + 2;
  return first == 0x81 && signature.size() == std::size_t{signature.data()[2]} + 3;
}

int must(std::optional<int> value) {
  if (!value) throw unsupported("a parameter of the signature is not supported");
  return *value;
}

int give(const Bytes& signature, unsigned char* out, std::size_t* length, std::size_t room) {
  if (signature.size() > room) throw Failure::returned(CKR_BUFFER_TOO_SMALL, "C_Sign");
  std::copy(signature.begin(), signature.end(), out);
  *length = signature.size();
  return 1;
}

}  // namespace

SignatureContext::SignatureContext(const SignatureContext& other)
    : key_(other.key_),
      digestName_(other.digestName_),
      mgfName_(other.mgfName_),
      padding_(other.padding_),
      saltLength_(other.saltLength_),
      isWhole_(other.isWhole_),
      message_(other.message_) {
  digesting_.copy(other.digesting_);
}

void SignatureContext::init(const Key* key, const char* digest, bool signs, const OSSL_PARAM params[]) {
  if (key != nullptr) key_ = *key;
  if (!key_.publicKey || (signs && !key_.reference)) throw unsupported("the key has no private part");
  if (digest != nullptr) digestName_ = digest;
  setParams(params);
}

void SignatureContext::setParams(const OSSL_PARAM params[]) {
  if (const auto* param = locate(params, "digest")) digestName_ = toText(*param).value_or("");
  if (const auto* param = locate(params, "mgf1-digest")) mgfName_ = toText(*param).value_or("");
  if (const auto* param = locate(params, "pad-mode")) padding_ = must(toInt(*param, kPaddings));
  if (const auto* param = locate(params, "saltlen")) saltLength_ = must(toInt(*param, kSaltLengths));
}

bool SignatureContext::getParams(OSSL_PARAM params[]) const {
  const Hash* hash = hashOf(digestName_);
  auto* size = locate(params, "digest-size");
  if (size != nullptr && size->size == sizeof(std::size_t) && hash != nullptr) {
    std::memcpy(size->data, &hash->length, sizeof hash->length);
    size->returned = sizeof hash->length;
  }
  return put(locate(params, "digest"), digestName_) && put(locate(params, "pad-mode"), padding_, kPaddings) &&
         put(locate(params, "saltlen"), saltLength_, kSaltLengths) &&
         put(locate(params, "mgf1-digest"), mgfName_.empty() ? digestName_ : mgfName_);
}

void SignatureContext::beginMessage(bool signs) {
  message_ = {};
  isWhole_ = isEdwards();
  if (isWhole_) {
    if (!digestName_.empty()) throw unsupported("an EdDSA key signs without a digest");
    return;
  }
  if (digestName_.empty()) digestName_ = "SHA256";
  // If the token cannot sign digests but can digest and sign in one step, it gets the message.
  isWhole_ =
      signs && !key_.reference->offers(mechanismForDigest()) && key_.reference->offers(mechanismForMessage());
  if (!isWhole_) digesting_.begin(digestName_);
}

void SignatureContext::update(const unsigned char* data, std::size_t size) {
  if (!isWhole_) return digesting_.update(data, size);
  const std::size_t before = message_.size();
  message_.resize(before + size);
  if (size > 0) std::memcpy(message_.data() + before, data, size);
}

int SignatureContext::signMessage(unsigned char* out, std::size_t* length, std::size_t room) {
  if (out == nullptr) return giveSize(length);
  return give(isWhole_ ? signWhole() : signDigest(digesting_.value()), out, length, room);
}

bool SignatureContext::verifyMessage(const Bytes& signature) const {
  return isWhole_ ? verifyWhole(signature, message_) : verifyDigest(signature, digesting_.value());
}

int SignatureContext::sign(unsigned char* out, std::size_t* length, std::size_t room,
                           const unsigned char* data, std::size_t size) {
  if (out == nullptr) return giveSize(length);
  message_ = Bytes(data, size);
  return give(isEdwards() ? signWhole() : signDigest(message_), out, length, room);
}

bool SignatureContext::verifyDigest(const Bytes& signature, const Bytes& digest) const {
  if (isEdwards()) return verifyWhole(signature, digest);
  openssl::EVP_PKEY_CTX* context =
      functions().EVP_PKEY_CTX_new_from_pkey(nullptr, key_.publicKey.get(), kNotOurs);
  if (context == nullptr) return false;
  int padding = padding_;
  int saltLength = saltLength_;
  std::vector<OSSL_PARAM> params;
  if (!digestName_.empty()) params.push_back(text("digest", digestName_));
  if (isRsa()) params.push_back(number("pad-mode", padding));
  if (isRsa() && padding_ == openssl::kPadPss) {
    params.push_back(number("saltlen", saltLength));
    if (!mgfName_.empty()) params.push_back(text("mgf1-digest", mgfName_));
  }
  params.push_back(kEnd);
  const bool isRight = functions().EVP_PKEY_verify_init_ex(context, nullptr) == 1 &&
                       functions().EVP_PKEY_CTX_set_params(context, params.data()) == 1 &&
                       functions().EVP_PKEY_verify(context, signature.data(), signature.size(), digest.data(),
                                                   digest.size()) == 1;
  functions().EVP_PKEY_CTX_free(context);
  return isRight;
}

const Hash& SignatureContext::hash() const {
  const Hash* found = hashOf(digestName_);
  if (found == nullptr) throw unsupported("PKCS#11 does not define the digest " + digestName_);
  return *found;
}

CK_MECHANISM_TYPE SignatureContext::mechanismForDigest() const {
  if (key_.kind == KeyKind::Ec) return CKM_ECDSA;
  switch (padding_) {
    case openssl::kPadPkcs1:
      return CKM_RSA_PKCS;
    case openssl::kPadPss:
      return CKM_RSA_PKCS_PSS;
    case openssl::kPadNone:
      return CKM_RSA_X_509;
    default:
      throw unsupported("tokens cannot sign with this padding");
  }
}

CK_MECHANISM_TYPE SignatureContext::mechanismForMessage() const {
  if (isEdwards()) return CKM_EDDSA;
  if (key_.kind == KeyKind::Ec) return hash().ecdsa;
  if (padding_ == openssl::kPadPss) return hash().rsaPss;
  if (padding_ == openssl::kPadPkcs1) return hash().rsaPkcs;
  throw unsupported("tokens cannot sign with this padding");
}

Bytes SignatureContext::parameter() const {
  if (!isRsa() || padding_ != openssl::kPadPss) return {};
  CK_RSA_PKCS_PSS_PARAMS parameter{};
  parameter.hashAlg = hash().digest;
  parameter.mgf = mgf().mgf;
  parameter.sLen = static_cast<CK_ULONG>(saltBytes());
  return {&parameter, sizeof parameter};
}

const Hash& SignatureContext::mgf() const {
  const Hash* found = mgfName_.empty() ? &hash() : hashOf(mgfName_);
  if (found == nullptr) throw unsupported("PKCS#11 does not define the digest " + mgfName_);
  return *found;
}

std::size_t SignatureContext::saltBytes() const {
  if (saltLength_ >= 0) return static_cast<std::size_t>(saltLength_);
  const std::size_t digest = hash().length;
  if (saltLength_ == openssl::kSaltDigest) return digest;
  const std::size_t encoded = (key_.publicKey.bits() - 1 + 7) / 8;
  if (encoded < digest + 2) throw unsupported("the key is too short for the digest");
  const std::size_t most = encoded - digest - 2;
  return saltLength_ == openssl::kSaltAutoDigestMax ? std::min(most, digest) : most;
}

Bytes SignatureContext::signDigest(const Bytes& digest) const {
  const bool hasDigest = !digestName_.empty();
  if (hasDigest && hash().length != digest.size()) throw Failure::returned(CKR_DATA_LEN_RANGE, "C_Sign");
  const auto verifies = [&](const Bytes& signature) { return verifyDigest(signature, digest); };
  const auto isRight = [&](const Bytes& signature) { return verifies(finish(signature, verifies)); };
  const CK_MECHANISM_TYPE mechanism = mechanismForDigest();
  if (key_.reference->offers(mechanism)) {
    const bool isInfo = mechanism == CKM_RSA_PKCS && hasDigest;
    // ECDSA uses at most the length of the order of the curve, and some modules refuse a longer digest.
    const std::size_t length = isRsa() ? digest.size() : std::min(digest.size(), orderLength());
    const Bytes data = isInfo ? hash().digestInfo(digest) : Bytes(digest.data(), length);
    return finish(key_.reference->sign(mechanism, parameter(), data, isRight), verifies);
  }
  if (!isRsa() || !key_.reference->offers(CKM_RSA_X_509))
    throw Failure::returned(CKR_MECHANISM_INVALID, "C_SignInit");
  return key_.reference->sign(CKM_RSA_X_509, {}, padded(digest), isRight);
}

// The padded digest, for a token that only supports RSA without padding.
Bytes SignatureContext::padded(const Bytes& digest) const {
  if (padding_ == openssl::kPadPss) return padPss(hash(), mgf(), digest, saltBytes(), key_.publicKey.bits());
  return padPkcs1(digestName_.empty() ? digest : hash().digestInfo(digest), key_.publicKey.size());
}

Bytes SignatureContext::signWhole() const {
  const CK_MECHANISM_TYPE mechanism = mechanismForMessage();
  if (!key_.reference->offers(mechanism)) throw Failure::returned(CKR_MECHANISM_INVALID, "C_SignInit");
  const auto verifies = [&](const Bytes& signature) { return verifyWhole(signature, message_); };
  const auto isRight = [&](const Bytes& signature) { return verifies(finish(signature, verifies)); };
  return finish(key_.reference->sign(mechanism, parameter(), message_, isRight), verifies);
}

bool SignatureContext::verifyWhole(const Bytes& signature, const Bytes& message) const {
  if (!isEdwards()) {
    Digesting digesting;
    digesting.begin(digestName_);
    digesting.update(message.data(), message.size());
    return verifyDigest(signature, digesting.value());
  }
  openssl::EVP_MD_CTX* context = functions().EVP_MD_CTX_new();
  if (context == nullptr) return false;
  Bytes mine = message;
  const bool isRight = functions().EVP_DigestVerifyInit_ex(context, nullptr, nullptr, nullptr, kNotOurs,
                                                           key_.publicKey.get(), nullptr) == 1 &&
                       functions().EVP_DigestVerify(context, signature.data(), signature.size(),
                                                    mine.pointer(), mine.size()) == 1;
  functions().EVP_MD_CTX_free(context);
  return isRight;
}

std::size_t SignatureContext::orderLength() const { return (key_.publicKey.bits() + 7) / 8; }

template <class IsRight>
Bytes SignatureContext::finish(const Bytes& signature, IsRight&& isRight) const {
  if (key_.kind != KeyKind::Ec) return signature;
  const std::size_t order = orderLength();
  if (signature.size() == 2 * order) return toDer(signature, order);
  if (isDer(signature)) return signature;
  // Leading zeros of r and s are missing: only a verification shows which of both is shorter.
  const std::size_t size = signature.size();
  for (std::size_t half = size > order ? size - order : 1; half < size && half <= order; ++half) {
    Bytes candidate = toDer(signature, half);
    if (isRight(candidate)) return candidate;
  }
  throw Failure::returned(CKR_GENERAL_ERROR, "C_Sign");
}

int SignatureContext::giveSize(std::size_t* length) const {
  *length = key_.publicKey.size();
  return 1;
}

}  // namespace cryptoki::provider
