# Completion of hapax and haproxy for bash: options from the program itself, files behind those that take one.
_hapax() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    case $before in
        -f | -p | -L | -C | -x | -S) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        *)
            if [[ $word == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" -h 2>&1 | grep -oE '^ +-[A-Za-z0-9]+' | tr -d ' ')" -- "$word")
            else
                mapfile -t COMPREPLY < <(compgen -f -- "$word")
            fi
            ;;
    esac
}
complete -o filenames -F _hapax hapax haproxy
