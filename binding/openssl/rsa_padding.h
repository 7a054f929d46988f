// The paddings of RSA signatures (RFC 8017), computed here for tokens that only support RSA without padding.
#pragma once

#include "openssl/hash.h"

namespace cryptoki::provider {

// EMSA-PKCS1-v1_5 (section 9.2) around `info`, a DigestInfo or other data; `size`: length of the modulus in
// bytes. Throws Failure when the data does not fit.
Bytes padPkcs1(const Bytes& info, std::size_t size);

// EMSA-PSS (section 9.1.1) of a digest by `hash`, with a random salt; `bits`: length of the modulus. The
// result is as long as the modulus. Throws Failure when the data does not fit.
Bytes padPss(const Hash& hash, const Hash& mgf, const Bytes& digest, std::size_t saltLength,
             std::size_t bits);

}  // namespace cryptoki::provider
