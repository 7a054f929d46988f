// One command of the bench: a flat JSON object in one line, whose members are strings and whole numbers.
#pragma once

#include <map>
#include <string>

class Command {
 public:
  // Throws std::runtime_error if the line is not such an object.
  explicit Command(const std::string& line);

  // The value of the member; "" or 0 if it is absent.
  const std::string& text(const std::string& name) const;
  unsigned long number(const std::string& name) const;
  bool has(const std::string& name) const { return members_.contains(name); }

 private:
  std::map<std::string, std::string> members_;
};

// A JSON string with its quotes.
std::string quoted(const std::string& text);
