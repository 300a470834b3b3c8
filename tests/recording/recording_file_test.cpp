// Reports: what was appended is in the file and in the journal behind it, whatever happens to
// either.
#include <doctest/doctest.h>
#include <hdf5.h>

#include <nlohmann/json.hpp>
#include <string>

#include <bdh/error.hpp>

#include "../files/support.hpp"
#include "descriptions.hpp"
#include "io/files/journal.hpp"
#include "io/hdf5/file.hpp"
#include "io/recording/recording.hpp"
#include "sonata_check.hpp"

using namespace bdh;

namespace {

using tests::frames;
using tests::logits;
recording_description events() { return tests::events(16); }

recording_row row_at(const recording_description& d, std::uint64_t position) {
  recording_row row;
  const auto value = [&](std::uint64_t k) { return static_cast<float>(position * 10 + k + 1); };
  if (d.layout != recording_layout::events) {
    for (std::uint64_t k = 0; k < d.width; ++k) row.values.push_back(value(k));
    return row;
  }
  for (std::uint64_t k = 0; k < position % 4; ++k) {
    row.nodes.push_back(3 * k);
    row.values.push_back(value(k));
  }
  return row;
}

void append(recording& to, std::uint64_t rows) {
  for (std::uint64_t k = 0; k < rows; ++k) {
    const std::uint64_t position = to.next();
    to.append(position, static_cast<token_id>(position), row_at(to.what(), position));
  }
}

const recording_description all[] = {frames(), events(), logits()};

bool equal(const std::filesystem::path& a, const std::filesystem::path& b) {
  return sonata::beginning(a, b).empty() && sonata::beginning(b, a).empty() &&
         sonata::committed_until(a) == sonata::committed_until(b);
}

std::string bytes_of(const std::vector<std::byte>& content) {
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}
std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

TEST_CASE("a journal gives back its whole records, however its end is torn") {
  const files::folder dir;
  {
    auto to = journal_writer::create(dir / "j");
    for (const char* text : {"first", "", "the third"}) to.append(bytes_of(std::string_view(text)));
    to.sync();
  }
  const std::string whole = files::read(dir / "j");
  std::size_t most = 0;
  for (std::size_t size = 8; size <= whole.size(); ++size) {
    files::write(dir / "j", whole.substr(0, size));
    journal_reader from(dir / "j");
    std::vector<std::string> read;
    while (const auto content = from.next()) read.push_back(bytes_of(*content));
    REQUIRE(read.size() >= most);
    most = read.size();
    for (std::size_t k = 0; k < read.size(); ++k)
      REQUIRE(read[k] == std::vector<std::string>{"first", "", "the third"}[k]);
    REQUIRE(from.end() + from.damaged() == size);
  }
  CHECK(most == 3);
  for (std::size_t at = 8; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    files::write(dir / "j", changed);
    journal_reader from(dir / "j");
    std::size_t read = 0;
    while (from.next()) ++read;
    REQUIRE(read < 3);
  }
  files::write(dir / "j", "another file");
  CHECK_THROWS_AS(journal_reader(dir / "j"), input_error);
  CHECK_THROWS_AS(journal_reader(dir / "none"), input_error);
}

TEST_CASE("reports have the layout that readers want, and their journals make them again") {
  for (const recording_description& what : all) {
    const files::folder dir;
    CAPTURE(what.name);
    recording r = recording::create(dir.path(), what);
    CHECK(sonata::structure(dir.path() / what.name) == sonata::faults{});
    append(r, 1000);
    r.sync();
    r.mark();
    append(r, 30);
    const auto file = dir.path() / what.name;
    CHECK(sonata::structure(file) == sonata::faults{});
    CHECK(sonata::committed_until(file) == static_cast<double>(what.start + 1000 * what.every));
    CHECK(committed_until(file) == what.start + 1000 * what.every);

    // Also what no commit has reached yet.
    const rebuilt made = rebuild(journal_of(file), dir / "new.h5");
    CHECK(made.rows == 1030);
    CHECK(made.damaged_bytes == 0);
    CHECK(sonata::structure(dir / "new.h5") == sonata::faults{});
    r.close();
    CHECK(equal(dir / "new.h5", file));
    CHECK(rebuild(journal_of(file), dir / "short.h5", what.start + 7).rows ==
          (7 + what.every - 1) / what.every);
    CHECK(sonata::beginning(dir / "short.h5", file) == sonata::faults{});
    CHECK_THROWS_AS(rebuild(journal_of(file), dir / "new.h5"), input_error);
    r.discard_journal();
    CHECK(!std::filesystem::exists(journal_of(file)));
  }
}

TEST_CASE("a reopened report goes on as if it had never stopped") {
  for (const recording_description& what : all) {
    const files::folder dir;
    CAPTURE(what.name);
    std::filesystem::create_directory(dir / "a");
    std::filesystem::create_directory(dir / "b");
    {
      recording whole = recording::create(dir / "a", what),
                stopped = recording::create(dir / "b", what);
      append(whole, 300);
      append(stopped, 200);
      whole.close();
    }
    const auto a = (dir / "a") / what.name, b = (dir / "b") / what.name;
    for (int again : {0, 1}) {
      CAPTURE(again);
      recording r = recording::reopen(dir / "b", what.name, what.start + 120 * what.every);
      CHECK(r.next() == what.start + 120 * what.every);
      CHECK(r.what().request == what.request);
      append(r, 180);
      r.close();
      CHECK(sonata::structure(b) == sonata::faults{});
      CHECK(equal(a, b));
    }
    // A lost recording is as good as a torn one; a lost journal is not.
    std::filesystem::remove(b);
    CHECK_NOTHROW(recording::reopen(dir / "b", what.name, what.start));
    std::filesystem::remove(journal_of(b));
    CHECK_THROWS_AS(recording::reopen(dir / "b", what.name, what.start), input_error);
  }
}

TEST_CASE("a recording says what it holds, in which units, and where it is from") {
  for (recording_description what : all) {
    CAPTURE(what.name);
    what.origin = {
        .creator = "bdh 1.2.3", .model_sha256 = "0123abcd", .model = "model.safetensors"};
    const files::folder dir;
    {
      recording r = recording::create(dir.path(), what);
      append(r, 10);
      r.close();
    }
    rebuild(journal_of(dir.path() / what.name), dir / "rebuilt.h5");
    recording::reopen(dir.path(), what.name, what.start + 5 * what.every).close();
    for (const auto& path : {dir.path() / what.name, dir / "rebuilt.h5"}) {
      const hdf5::file f = hdf5::file::open(path, {std::uint64_t{1} << 20, false});
      const hdf5::group root = f.root();
      CHECK(root.text("creator") == "bdh 1.2.3");
      CHECK(root.text("model_sha256") == "0123abcd");
      CHECK(root.text("model") == "model.safetensors");
      CHECK(root.text("run").starts_with("run.json in the same folder"));
      CHECK(root.text("description") == meaning(what.what));
      const hdf5::dataset time = root.open_group("mapping").open_dataset("time");
      CHECK(time.text("units") == "ms");
      CHECK(time.text("description").find("One token is 1 ms") != std::string::npos);
      const auto values = [&] {
        if (what.layout == recording_layout::logits) return root.open_dataset("logits");
        if (what.layout == recording_layout::events)
          return root.open_group("spikes").open_group("neurons").open_dataset("values");
        return root.open_group("report").open_group("neurons").open_dataset("data");
      };
      CHECK(values().text("description") == meaning(what.what));
      CHECK(values().text("units") == (what.layout == recording_layout::logits ? "nats" : "1"));
    }
  }
  CHECK(std::string(meaning(quantity::x)).starts_with("X(i) >= 0 of neuron i in this layer"));
  CHECK(std::string(meaning(quantity::y)).starts_with("Y(j) >= 0 of neuron j in this layer"));
  CHECK(meaning(quantity::snapshot) == meaning(quantity::synapses));
}

TEST_CASE("what is not known of a recording's origin is left out") {
  const files::folder dir;
  recording::create(dir.path(), frames()).close();
  const hdf5::file f =
      hdf5::file::open(dir.path() / frames().name, {std::uint64_t{1} << 20, false});
  for (const char* name : {"creator", "model_sha256", "model"})
    CHECK(!f.root().has_attribute(name));
}

// As before descriptions had an origin.
TEST_CASE("a journal without an origin makes its recording again") {
  const files::folder dir;
  recording_description what = frames();
  what.origin.creator = "bdh 1.2.3";
  {
    recording r = recording::create(dir.path(), what);
    append(r, 3);
  }
  const auto journal = journal_of(dir.path() / what.name);
  std::vector<std::vector<std::byte>> records;
  {
    journal_reader from(journal);
    while (const auto content = from.next()) records.emplace_back(content->begin(), content->end());
  }
  const auto* const first = reinterpret_cast<const std::uint8_t*>(records[0].data());
  nlohmann::json description = nlohmann::json::from_cbor(first, first + records[0].size());
  REQUIRE(description.erase("origin") == 1);
  const std::vector<std::uint8_t> older = nlohmann::json::to_cbor(description);
  std::filesystem::remove(journal);
  auto to = journal_writer::create(journal);
  to.append(std::as_bytes(std::span(older)));
  for (std::size_t k = 1; k < records.size(); ++k) to.append(records[k]);
  to.sync();
  const rebuilt made = rebuild(journal, dir / "new.h5");
  CHECK(made.rows == 3);
  CHECK(made.what.origin.creator.empty());
  CHECK(sonata::structure(dir / "new.h5") == sonata::faults{});
  // Another kind of origin is no description.
  description["origin"] = {1, 2};
  const std::vector<std::uint8_t> broken = nlohmann::json::to_cbor(description);
  std::filesystem::remove(journal);
  journal_writer::create(journal).append(std::as_bytes(std::span(broken)));
  CHECK_THROWS_AS(rebuild(journal, dir / "other.h5"), input_error);
}

TEST_CASE("a damaged journal gives what is before the damage") {
  const files::folder dir;
  {
    recording r = recording::create(dir.path(), frames());
    append(r, 10);
  }
  const auto journal = journal_of(dir / "synapses_2.h5");
  std::string bytes = files::read(journal);
  bytes[bytes.size() - 100] = static_cast<char>(bytes[bytes.size() - 100] ^ 1);
  files::write(journal, bytes);
  const rebuilt made = rebuild(journal, dir / "new.h5");
  CHECK(made.rows == 8);
  CHECK(made.damaged_bytes > 100);
  CHECK(sonata::structure(dir / "new.h5") == sonata::faults{});
  bytes[40] = static_cast<char>(bytes[40] ^ 1);
  files::write(journal, bytes);
  CHECK_THROWS_AS(rebuild(journal, dir / "other.h5"), input_error);
  files::write(journal, "bdhjrnl1");
  CHECK_THROWS_AS(rebuild(journal, dir / "other.h5"), input_error);
  CHECK(!std::filesystem::exists(dir / "other.h5"));
  // Whole, but no description.
  std::filesystem::remove(journal);
  journal_writer::create(journal).append(bytes_of("no description"));
  CHECK_THROWS_AS(rebuild(journal, dir / "other.h5"), input_error);
}

TEST_CASE("rows that do not fit are refused") {
  const files::folder dir;
  recording r = recording::create(dir.path(), frames());
  recording_row row = row_at(frames(), 4);
  CHECK_THROWS_AS(r.append(5, 0, row), shape_error);
  row.values.pop_back();
  CHECK_THROWS_AS(r.append(4, 0, row), shape_error);
  CHECK_THROWS(recording::create(dir.path(), frames()));
  CHECK_THROWS_AS(committed_until(dir / "none.h5"), input_error);
}

TEST_CASE("the structural check finds what is wrong") {
  const auto broken = [](const recording_description& what, auto breaks) {
    const files::folder dir;
    const auto file = dir.path() / what.name;
    {
      recording r = recording::create(dir.path(), what);
      append(r, 20);
      r.close();
    }
    const hid_t f = H5Fopen(file.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    breaks(f);
    H5Fclose(f);
    return !sonata::structure(file).empty();
  };
  const auto set_stop = [](double stop) {
    return [stop](hid_t f) {
      const hid_t set = H5Dopen2(f, "/mapping/time", H5P_DEFAULT);
      double time[3];
      H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, time);
      time[1] = stop;
      H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, time);
      H5Dclose(set);
    };
  };
  CHECK(!broken(frames(), [](hid_t) {}));
  CHECK(broken(frames(), [](hid_t f) { H5Adelete(f, "magic"); }));
  CHECK(broken(frames(), [](hid_t f) { H5Adelete(f, "version"); }));
  CHECK(broken(frames(), [](hid_t f) {
    H5Ldelete(f, "/report/neurons/mapping/index_pointer", H5P_DEFAULT);
  }));
  CHECK(broken(frames(), [](hid_t f) {
    H5Ldelete(f, "/report/neurons/mapping/index_pointers", H5P_DEFAULT);
  }));
  CHECK(broken(frames(), [](hid_t f) { H5Ldelete(f, "/synapses/is_probe", H5P_DEFAULT); }));
  CHECK(broken(frames(), [](hid_t f) {
    H5Adelete_by_name(f, "/report/neurons/data", "units", H5P_DEFAULT);
  }));
  CHECK(broken(frames(), [](hid_t f) {
    H5Adelete_by_name(f, "/report/neurons/mapping/node_ids", "sorted", H5P_DEFAULT);
  }));
  CHECK(broken(frames(), set_stop(1000)));
  CHECK(broken(frames(), set_stop(11)));
  CHECK(broken(events(), set_stop(5)));
  CHECK(broken(events(),
               [](hid_t f) { H5Adelete_by_name(f, "/spikes/neurons", "sorting", H5P_DEFAULT); }));
  CHECK(broken(events(), [](hid_t f) { H5Ldelete(f, "/spikes/neurons/values", H5P_DEFAULT); }));
  CHECK(broken(logits(), set_stop(21)));
}
