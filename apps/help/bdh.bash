# shellcheck shell=bash
# Completion of bdh in bash: gets the words from the program, which has its commands,
# options and values.
# Installed as share/bash-completion/completions/bdh.
_bdh() {
  local program=$1 words=() word whole split paths='' k glue=no
  # bash splits words at = and :, too; the program wants them whole.
  for ((k = 1; k <= COMP_CWORD; k++)); do
    word=${COMP_WORDS[k]}
    if [[ ${#words[@]} -gt 0 && ($glue = yes || $word = [=:]*) ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
    [[ $word = [=:]* ]] && glue=yes || glue=no
  done
  # Readline replaces only what follows the last of them.
  whole=${words[-1]}
  split=${whole%"${whole##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\t' read -r word _; do
    if [[ -z $paths ]]; then
      paths=$word
    elif [[ $word = "$split"* ]]; then
      COMPREPLY+=("${word#"$split"}")
    fi
  done < <("$program" complete "${words[@]}" 2>/dev/null)
  # Paths are left to readline, which knows about quotes and home folders.
  case $paths in
    files) [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o default ;;
    folders) [[ ${#COMPREPLY[@]} -gt 0 ]] || compopt -o dirnames ;;
  esac
}
complete -F _bdh bdh
