# Completes `cargo lab` and `lab` in bash. All else of cargo is completed as before.
#
# To install: cargo lab completions bash > ~/.lab-completion.bash
#             echo '. ~/.lab-completion.bash' >> ~/.bashrc

# $1: which word is the first behind `lab`.
_socket_lab_words() {
    local first=$1 current=${COMP_WORDS[COMP_CWORD]} line
    local -a words=("${COMP_WORDS[@]:first:COMP_CWORD-first+1}")
    COMPREPLY=()
    while IFS= read -r line; do
        line=${line%%$'\t'*}
        case $current in
            # Readline closes the quote.
            [\"\']*) COMPREPLY+=("$line") ;;
            *) COMPREPLY+=("$(printf %q "$line")") ;;
        esac
    done < <({checker} complete -- "${words[@]}" 2> /dev/null)
}

_socket_lab() {
    _socket_lab_words 1
}

# The function that completed cargo before this one.
_socket_lab_find_cargo() {
    local known
    known=$(complete -p cargo 2> /dev/null) || return
    known=${known##* -F }
    known=${known%% *}
    [[ $known == _socket_lab_cargo ]] || _socket_lab_before=$known
}

_socket_lab_cargo() {
    if [[ ${COMP_WORDS[1]} == lab ]] && (( COMP_CWORD > 1 )); then
        _socket_lab_words 2
        return
    fi
    # bash-completion loads what it knows of a command when it is needed first, and takes this function's place then.
    if [[ -z $_socket_lab_before ]]; then
        local loader
        for loader in _comp_load __load_completion _completion_loader; do
            if declare -F "$loader" > /dev/null; then
                complete -r cargo
                "$loader" cargo > /dev/null 2>&1
                break
            fi
        done
        _socket_lab_find_cargo
        complete -o bashdefault -o default -F _socket_lab_cargo cargo
        : "${_socket_lab_before:=-}"
    fi
    COMPREPLY=()
    if [[ $_socket_lab_before != - ]]; then
        "$_socket_lab_before" "$@"
    fi
    if (( COMP_CWORD == 1 )) && [[ lab == "${COMP_WORDS[1]}"* ]]; then
        COMPREPLY+=(lab)
    fi
}

_socket_lab_find_cargo
complete -o bashdefault -o default -F _socket_lab_cargo cargo
complete -o bashdefault -o default -F _socket_lab lab
