// CK_DATE: "YYYYMMDD".
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string_view>

namespace cryptoki {

// Returns true if the text is the eight digits of a day that the calendar has.
inline bool isDate(std::string_view text) {
  constexpr std::size_t kLength = 8;
  const bool areDigits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text.size() != kLength || !areDigits) return false;
  const auto number = [text](std::size_t begin, std::size_t length) {
    unsigned value = 0;
    std::from_chars(text.data() + begin, text.data() + begin + length, value);
    return value;
  };
  return std::chrono::year_month_day(std::chrono::year(static_cast<int>(number(0, 4))),
                                     std::chrono::month(number(4, 2)), std::chrono::day(number(6, 2)))
      .ok();
}

}  // namespace cryptoki
