#include "io/files/sha256.hpp"

#include <cstring>

#include "support.hpp"

TEST_CASE("SHA-256 of the standard's examples, in pieces and of a file") {
  bdh::sha256 digest;
  CHECK(digest.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  digest.update(std::as_bytes(std::span("a", 1)));
  digest.update(std::as_bytes(std::span("bc", 2)));
  CHECK(digest.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(bdh::sha256_of_file(import_tests::reference) ==
        "ccc185d52cb44570a11191200ccf339530b3ed74fa6d97f7f8ca9f3b296aae16");
  CHECK_THROWS_AS(bdh::sha256_of_file("/nowhere/at/all"), bdh::input_error);
}
