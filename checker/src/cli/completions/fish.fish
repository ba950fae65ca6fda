# Completes `cargo lab` and `lab` in fish. All else of cargo is completed as before.
#
# To install: mkdir -p ~/.config/fish/conf.d
#             cargo lab completions fish > ~/.config/fish/conf.d/lab.fish

# $argv[1]: how many words come before the first behind `lab`.
function __socket_lab_words
    set -l words (commandline -opc)
    set -e words[1..$argv[1]]
    set -l found ({checker} complete -- $words (commandline -ct) 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end

function __socket_lab_is_cargo_lab
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test "$words[2]" = lab
end

complete -c cargo -n __socket_lab_is_cargo_lab -f -a '(__socket_lab_words 2)'
complete -c cargo -n 'test (count (commandline -opc)) -eq 1' -a lab -d 'The socket lab'
complete -c lab -f -a '(__socket_lab_words 1)'
