// One command of the bench: a flat JSON object in one line, whose members are strings and whole numbers.
#pragma once

#include <map>
#include <string>

class Command {
 public:
  // Throws std::runtime_error when the line is no such object.
  explicit Command(const std::string& line);

  // The member; "" or 0 when it is absent.
  const std::string& text(const std::string& name) const;
  unsigned long number(const std::string& name) const;
  bool has(const std::string& name) const { return members_.contains(name); }

 private:
  std::map<std::string, std::string> members_;
};

// A JSON string with its quotes.
std::string quoted(const std::string& text);
