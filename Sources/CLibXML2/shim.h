// libxml2 pulls in the headers of ICU where it was built with it, and those contradict the ones inside Foundation.
// Nothing here needs them.
#include <libxml/xmlversion.h>
#undef LIBXML_ICU_ENABLED
#include <libxml/HTMLparser.h>
#include <libxml/tree.h>
