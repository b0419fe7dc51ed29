// Expressions that every planner and back end must get right.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace pliant::einsum {

struct Case {
  const char* expression;
  std::vector<Shape> shapes;
};
inline const std::vector<Case> kMustPass{
    {"ij->ji", {{5, 3}}},
    {"ijk->kij", {{2, 3, 5}}},
    {"ij->", {{5, 3}}},
    {"ij->i", {{5, 3}}},
    {"ij->j", {{5, 3}}},
    {"ii->", {{5, 5}}},
    {"ii->", {{4, 4}}},
    {"ii->i", {{5, 5}}},
    {"ijj->i", {{3, 5, 5}}},
    {"iij->j", {{3, 3, 4}}},
    {"i,i->", {{7}, {7}}},
    {"i,j->ij", {{5}, {3}}},
    {"i,i->i", {{6}, {6}}},
    {"ij,ij->", {{5, 3}, {5, 3}}},
    {"ij,ij->ij", {{5, 3}, {5, 3}}},
    {"ij,ij,ij->ij", {{5, 3}, {5, 3}, {5, 3}}},
    {"ik,k->i", {{5, 3}, {3}}},
    {"k,kj->j", {{5}, {5, 3}}},
    {"ik,kj->ij", {{3, 5}, {5, 2}}},
    {"ki,kj->ij", {{5, 3}, {5, 2}}},
    {"ik,jk->ij", {{3, 5}, {2, 5}}},
    {"ij,kl->ijkl", {{2, 3}, {3, 2}}},
    {"bik,bkj->bij", {{2, 3, 4}, {2, 4, 3}}},
    {"bij,bjk,bkl->bil", {{2, 3, 2}, {2, 2, 3}, {2, 3, 2}}},
    {"ij,jk,kl->il", {{3, 4}, {4, 2}, {2, 5}}},
    {"ij,jk,kl,lm->im", {{2, 3}, {3, 2}, {2, 3}, {3, 2}}},
    {"ik,jkl,il->ij", {{3, 2}, {4, 2, 3}, {3, 3}}},
    {"i,ijk,k->j", {{3}, {3, 4, 2}, {2}}},
    {"bi,oi->bo", {{2, 5}, {3, 5}}},
    {"btd,bsd->bts", {{2, 3, 4}, {2, 3, 4}}},
    {"bthd,bshd->bhts", {{1, 3, 2, 4}, {1, 3, 2, 4}}},
    {"bhts,bshd->bthd", {{1, 2, 3, 3}, {1, 3, 2, 4}}},
    {"pqrs,tuqvr->pstuv", {{2, 2, 3, 2}, {2, 1, 2, 2, 3}}},
    {"abcd,cdef->abef", {{2, 2, 2, 3}, {2, 3, 2, 2}}},
    {"abcd,bdac->", {{2, 3, 2, 2}, {3, 2, 2, 2}}},
    {"ijkl,ijkl->kl", {{2, 3, 2, 3}, {2, 3, 2, 3}}},
    {"ni,nj->ij", {{5, 3}, {5, 2}}},
    {"nchw,oc->nohw", {{1, 3, 2, 2}, {2, 3}}},
    {"nchwyx,ocyx->nohw", {{1, 2, 2, 2, 2, 2}, {2, 2, 2, 2}}},
    {"...ij,...jk->...ik", {{2, 3, 2}, {2, 2, 3}}},
    {"...ij,jk->...ik", {{2, 3, 2}, {2, 3}}},
    {"ij,jk", {{3, 4}, {4, 2}}},
    {"ij,ij->ij", {{1, 3}, {4, 3}}},
    {"ij,ij->j", {{4, 1}, {4, 3}}},
    {"ij,jk->ik", {{1, 4}, {4, 1}}},
    {",ij->ij", {{}, {3, 4}}},
    {",->", {{}, {}}},
    {"->", {{}}},
    {"ij->ij", {{1, 1}}},
};

}  // namespace pliant::einsum
