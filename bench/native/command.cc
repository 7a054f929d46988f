#include "command.h"

#include <stdexcept>

namespace {

class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text) {}

  char next() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\r')) ++position_;
    return position_ < text_.size() ? text_[position_] : '\0';
  }
  bool take(char wanted) {
    if (next() != wanted) return false;
    ++position_;
    return true;
  }
  void expect(char wanted) {
    if (!take(wanted)) throw std::runtime_error(std::string("expected ") + wanted);
  }
  std::string string() {
    expect('"');
    std::string result;
    while (position_ < text_.size() && text_[position_] != '"') {
      char each = text_[position_++];
      if (each == '\\' && position_ < text_.size()) each = escaped(text_[position_++]);
      result += each;
    }
    if (position_++ >= text_.size()) throw std::runtime_error("a string has no end");
    return result;
  }
  std::string scalar() {
    std::string result;
    while (position_ < text_.size() && std::string(",} ").find(text_[position_]) == std::string::npos)
      result += text_[position_++];
    return result;
  }

 private:
  static char escaped(char letter) {
    switch (letter) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case '"':
      case '\\':
      case '/':
        return letter;
      default:
        throw std::runtime_error("an escape that is not known here");
    }
  }

  const std::string& text_;
  std::size_t position_ = 0;
};

}  // namespace

Command::Command(const std::string& line) {
  Reader reader(line);
  reader.expect('{');
  if (reader.take('}')) return;
  do {
    reader.next();
    const std::string name = reader.string();
    reader.expect(':');
    members_[name] = reader.next() == '"' ? reader.string() : reader.scalar();
  } while (reader.take(','));
  reader.expect('}');
}

const std::string& Command::text(const std::string& name) const {
  static const std::string nothing;
  const auto found = members_.find(name);
  return found == members_.end() ? nothing : found->second;
}

unsigned long Command::number(const std::string& name) const {
  return has(name) ? std::stoul(text(name)) : 0;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char each : text) {
    if (each == '"' || each == '\\') result += '\\';
    if (static_cast<unsigned char>(each) >= ' ') result += each;
  }
  return result + '"';
}
