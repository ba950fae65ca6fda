# Completes `cargo lab` and `lab` in zsh. All else of cargo is completed as before.
#
# To install, where ~/.zshrc calls compinit:
#             cargo lab completions zsh > ~/.lab-completion.zsh
#             echo '. ~/.lab-completion.zsh' >> ~/.zshrc

# $1: which word is the first behind `lab`.
_socket_lab_words() {
    local -a found
    local line value
    for line in "${(@f)$({checker} complete -- "${(@Q)words[$1,CURRENT]}" 2> /dev/null)}"; do
        value=${line%%$'\t'*}
        [[ -n $value ]] || continue
        found+=("${value//:/\\:}:${line#*$'\t'}")
    done
    if (( $#found )); then
        _describe -t lab 'socket lab' found
    else
        _files
    fi
}

_socket_lab() {
    _socket_lab_words 2
}

_socket_lab_cargo() {
    if [[ $words[2] == lab ]] && (( CURRENT > 2 )); then
        _socket_lab_words 3
        return
    fi
    if [[ -n $_socket_lab_before ]]; then
        $_socket_lab_before "$@"
    fi
    (( CURRENT == 2 )) && compadd lab
}

if [[ ${_comps[cargo]} != _socket_lab_cargo ]]; then
    typeset -g _socket_lab_before=${_comps[cargo]}
fi
compdef _socket_lab_cargo cargo
compdef _socket_lab lab
