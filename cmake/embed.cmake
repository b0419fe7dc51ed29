# cmake -DASSET=FILE -DHEADER=INCLUDE -DNAMESPACE=NAME -DVARIABLE=NAME -DOUTPUT=FILE -P embed.cmake
# Writes a source file that defines VARIABLE, declared in HEADER, as the text of ASSET.
file(READ ${ASSET} text)
set(delimiter asset)
if(text MATCHES "\\)${delimiter}\"")
  message(FATAL_ERROR "${ASSET} holds )${delimiter}\", which ends the raw string around it: choose another delimiter in cmake/embed.cmake")
endif()
file(WRITE ${OUTPUT} "#include \"${HEADER}\"

namespace ${NAMESPACE} {
const std::string_view ${VARIABLE} = R\"${delimiter}(${text})${delimiter}\";
}  // namespace ${NAMESPACE}
")
