// The paddings of RSA signatures (RFC 8017), made here for tokens that have RSA without padding only.
#pragma once

#include "openssl/hash.h"

namespace cryptoki::provider {

// EMSA-PKCS1-v1_5 (section 9.2) around `info`, a DigestInfo or what takes its place; `size`: bytes of the
// modulus. Throws Failure when it does not fit.
Bytes padPkcs1(const Bytes& info, std::size_t size);

// EMSA-PSS (section 9.1.1) of a digest by `hash`, with a random salt; `bits`: of the modulus, of which the
// result has as many bytes. Throws Failure when it does not fit.
Bytes padPss(const Hash& hash, const Hash& mgf, const Bytes& digest, std::size_t saltLength,
             std::size_t bits);

}  // namespace cryptoki::provider
