// The names that stand for key references in PEM, valid within this process.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "native_keys/token_sessions.h"

namespace cryptoki {

class KeyReference;

// Any thread. A name can be looked up while its reference lives; claims keep the reference alive.
namespace reference_table {

// Adds a reference with one claim. Drops the claims to references whose attachment was closed.
void add(const std::shared_ptr<KeyReference>& reference);
// The reference with this name, or null.
std::shared_ptr<KeyReference> find(std::string_view id);
// Adds a claim; returns false when the reference no longer exists.
bool claim(std::string_view id);
// Removes a claim. After the last one, the reference lives as long as the OpenSSL keys made from it.
void unclaim(std::string_view id);
// Removes the name.
void erase(std::string_view id) noexcept;

// The prefix of all names of this copy of the addon.
const std::string& prefix();
// A new name.
std::string newName();

}  // namespace reference_table

// The sessions that references to the same token share.
std::shared_ptr<TokenSessions> sessionsFor(const std::shared_ptr<Attachment>& attachment, CK_SLOT_ID slot,
                                           bool readWrite);

}  // namespace cryptoki
