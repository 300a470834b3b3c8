# Sourced by tests/run.sh.

# ctest_then_closing BUILD COMMAND...: the tests of a build folder; COMMAND is ctest with its
# options, and what starts it. The summary that ctest ends with is not printed but kept, in
# BUILD/Testing/Temporary/closing.txt, so that it can come after what the tests left out. Returns
# ctest's exit code.
ctest_then_closing() {
  local build=$1 testing=$1/Testing/Temporary status
  shift
  mkdir -p "$testing"
  rm -f "$testing/closing.txt"
  {
    status=0
    "$@" --test-dir "$build" --output-on-failure || status=$?
    echo $status >"$testing/status.txt"
  } | {
    # Not awk: Debian's would wait for 4 kB before it shows a line.
    closing=no
    while IFS= read -r line; do
      [[ ! $line =~ ^[0-9]+%' tests passed, ' ]] || closing=yes
      if [ $closing = yes ]; then printf '%s\n' "$line" >>"$testing/closing.txt";
        else printf '%s\n' "$line"; fi
    done
  }
  status=$(cat "$testing/status.txt")
  [ -s "$testing/closing.txt" ] || [ "$status" != 0 ] || status=1 # no tests were found
  return "$status"
}
