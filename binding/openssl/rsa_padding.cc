#include "openssl/rsa_padding.h"

#include <algorithm>

#include "openssl/digesting.h"

namespace cryptoki::provider {
namespace {

Failure tooShort() {
  return Failure::ours("ERR_CRYPTOKI_UNSUPPORTED", "the key is too short for the digest", "C_SignInit");
}

// XORs the MGF1 mask (section B.2.1) into the first `length` bytes of `masked`.
void mask(unsigned char* masked, std::size_t length, const Hash& hash, const Bytes& seed) {
  unsigned char counter[4] = {0, 0, 0, 0};
  for (std::size_t at = 0; at < length; ++counter[3]) {  // fewer than 256 rounds for any key
    Digesting digesting;
    digesting.begin(hash.names.front());
    digesting.update(seed.data(), seed.size());
    digesting.update(counter, sizeof counter);
    const Bytes part = digesting.value();
    for (std::size_t i = 0; i < part.size() && at < length; ++i, ++at) masked[at] ^= part[i];
  }
}

}  // namespace

Bytes padPkcs1(const Bytes& info, std::size_t size) {
  constexpr std::size_t kLeastPadding = 11;
  if (size < info.size() + kLeastPadding) throw tooShort();
  Bytes block(size);
  unsigned char* out = block.data();
  const std::size_t padding = size - info.size() - 3;
  *out++ = 0;
  *out++ = 1;
  out = std::fill_n(out, padding, static_cast<unsigned char>(0xFF));
  *out++ = 0;
  std::copy(info.begin(), info.end(), out);
  return block;
}

Bytes padPss(const Hash& hash, const Hash& mgf, const Bytes& digest, std::size_t saltLength,
             std::size_t bits) {
  constexpr unsigned char kTrailer = 0xBC;
  const std::size_t length = (bits - 1 + 7) / 8;  // of the encoded message
  if (length < digest.size() + saltLength + 2) throw tooShort();
  Bytes salt(saltLength);
  if (saltLength > 0 && openssl::functions().RAND_bytes(salt.data(), static_cast<int>(saltLength)) != 1)
    throw Failure::ours("ERR_CRYPTOKI_UNSUPPORTED", "OpenSSL cannot generate random bytes");

  const unsigned char zeros[8] = {};
  Digesting digesting;
  digesting.begin(hash.names.front());
  digesting.update(zeros, sizeof zeros);
  digesting.update(digest.data(), digest.size());
  digesting.update(salt.data(), salt.size());
  const Bytes seed = digesting.value();

  // The block is as long as the modulus: it starts with an extra zero byte if the modulus has 8 n + 1 bits.
  Bytes block = Bytes::zeros((bits + 7) / 8);
  unsigned char* encoded = block.data() + (block.size() - length);
  const std::size_t masked = length - seed.size() - 1;
  encoded[masked - saltLength - 1] = 1;
  std::copy(salt.begin(), salt.end(), encoded + (masked - saltLength));
  mask(encoded, masked, mgf, seed);
  encoded[0] &= static_cast<unsigned char>(0xFF >> (8 * length - (bits - 1)));
  std::copy(seed.begin(), seed.end(), encoded + masked);
  encoded[length - 1] = kTrailer;
  return block;
}

}  // namespace cryptoki::provider
