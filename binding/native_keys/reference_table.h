// The names by which PEM stands for references to keys, within this process.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "native_keys/token_sessions.h"

namespace cryptoki {

class KeyReference;

// Any thread. A name can be looked up while its reference lives; claims keep it alive.
namespace reference_table {

// Enters a reference with one claim. Names of attachments that were closed go.
void add(const std::shared_ptr<KeyReference>& reference);
// The reference with this name, or null.
std::shared_ptr<KeyReference> find(std::string_view id);
// One more claim; false when the reference is gone.
bool claim(std::string_view id);
// One claim less: with the last one, the reference lives as long as the keys of OpenSSL's made from it.
void unclaim(std::string_view id);
// The name is no more.
void erase(std::string_view id) noexcept;

// What the names of this copy of the addon begin with.
const std::string& prefix();
// A new name.
std::string newName();

}  // namespace reference_table

// The sessions that references share.
std::shared_ptr<TokenSessions> sessionsFor(const std::shared_ptr<Attachment>& attachment, CK_SLOT_ID slot,
                                           bool readWrite);

}  // namespace cryptoki
