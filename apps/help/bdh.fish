# Completion of bdh in fish: gets the words from the program, which has its commands,
# options and values.
# Installed to share/fish/vendor_completions.d/bdh.fish.
function __bdh_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] complete $words[2..-1] 2>/dev/null)
    or return
    set -l at (string replace -r -- '^--[^=]*=' '' $words[-1])
    set -l before (string sub -l (math (string length -- $words[-1]) - (string length -- $at)) -- $words[-1])
    printf '%s\n' $lines[2..-1]
    switch $lines[1]
        case files
            printf '%s\n' $before(__fish_complete_path $at)
        case folders
            printf '%s\n' $before(__fish_complete_directories $at)
    end
end
complete -c bdh -f -a '(__bdh_complete)'
